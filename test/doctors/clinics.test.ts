import { describe, expect, test } from 'bun:test'
import { lockResources } from '../../src/database/transaction'
import { createTestApp } from '../support/app'
import { until } from '../support/until'

const t = await createTestApp()
const adminActor = await t.newAdmin()
const admin = t.as(adminActor)
const verify = (doctor: { id: string }, body: object) => admin.put(`/doctors/${doctor.id}/verify`, body)
const idsOf = (listed: { id: string }[]) => listed.map(({ id }) => id)

/** Backends that wait for an advisory lock of this database. */
async function waiting(count: number): Promise<void> {
  const query = `
    select 1 from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`
  await until(async () => (await t.deps.postgres.pool.query(query)).rowCount === count)
}

describe('the clinics of a doctor', () => {
  test('a doctor who leaves a clinic gets a list of the visits to come there, in the answer and the audit event', async () => {
    const [kept, left] = [await t.newClinic(), await t.newClinic()]
    const doctor = await t.newDoctor({ clinicId: kept.id })
    await verify(doctor, { clinicIds: [kept.id, left.id] })
    const patient = await t.newPatient()
    const away = { ...doctor, clinicId: left.id }
    await t.newAppointment({ patient, doctor, startsAt: '2026-01-06T15:00:00Z' })
    const visit = await t.newAppointment({ patient, doctor: away, startsAt: '2026-01-07T15:00:00Z' })
    await t.newAppointment({ patient, doctor: away, startsAt: '2026-01-08T15:00:00Z', status: 'cancelled' })
    const { status, body } = await verify(doctor, { clinicIds: [kept.id] })
    expect(status).toBe(200)
    expect(idsOf(body.appointmentsOutsideHours)).toEqual([visit.id])
    expect(body.outsideHoursTotal).toBe(1)
    const event = await t.db
      .selectFrom('auditOutbox')
      .select('patientIds')
      .where('targetId', '=', doctor.id)
      .orderBy('id', 'desc')
      .executeTakeFirst()
    expect(event?.patientIds).toEqual([patient.id])
    expect((await verify(doctor, {})).body).not.toHaveProperty('appointmentsOutsideHours')
  })

  test('unverifying a doctor lists the visits to come', async () => {
    const { id: clinicId } = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId })
    const visit = await t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: '2026-01-07T15:00:00Z' })
    const { body } = await admin.put(`/doctors/${doctor.id}/unverify`)
    expect(idsOf(body.affectedAppointments)).toEqual([visit.id])
    expect(body).toMatchObject({ verified: false, affectedTotal: 1 })
  })

  test('deleting extra hours lists the visits that were booked in them, and is a 204 where there are none', async () => {
    const { id: clinicId } = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId })
    const patient = await t.newPatient()
    const extra = async (day: string) => {
      const times = { startsAt: `${day}T15:00:00Z`, endsAt: `${day}T16:00:00Z` }
      const made = await t.as(doctor.actor).post('/doctors/availability/exceptions', { ...times, kind: 'extra' })
      return `/doctors/availability/exceptions/${made.body.id}`
    }
    const [saturday, sunday] = [await extra('2026-01-10'), await extra('2026-01-11')]
    const visit = { doctorId: doctor.id, startsAt: '2026-01-10T15:00:00Z' }
    const { body: booked } = await t.as(patient.actor).post('/appointments', visit)
    const deleted = await t.as(doctor.actor).delete(saturday)
    expect(deleted).toMatchObject({ status: 200, body: { outsideHoursTotal: 1 } })
    expect(idsOf(deleted.body.appointmentsOutsideHours)).toEqual([booked.id])
    await t.as(patient.actor).put(`/appointments/${booked.id}/cancel`)
    expect((await t.as(doctor.actor).delete(sunday)).status).toBe(204)
  })

  test('every change of which doctors a clinic has waits for the lock of that clinic', async () => {
    const [joined, left] = [await t.newClinic(), await t.newClinic()]
    const doctor = await t.newDoctor({ clinicId: left.id })
    const order: string[] = []
    let written: Promise<unknown> | undefined
    for (const clinic of [joined, left]) {
      await t.deps.postgres.transaction([], async (trx) => {
        await lockResources(trx, [clinic.id])
        const clinicIds = clinic === joined ? [joined.id, left.id] : [joined.id]
        written = verify(doctor, { clinicIds }).then(({ status }) => order.push(`written ${status}`))
        await waiting(1)
        order.push('released')
      })
      await written
    }
    expect(order).toEqual(['released', 'written 200', 'released', 'written 200'])
  })

  test('a closure also locks, and so lists the visits of, a doctor who joined the clinic while it waited', async () => {
    const [clinic, home] = [await t.newClinic(), await t.newClinic()]
    const doctor = await t.newDoctor({ clinicId: home.id })
    let closing: ReturnType<typeof admin.post> | undefined
    await t.deps.postgres.transaction([], async (booking) => {
      await t.deps.postgres.transaction([], async (joining) => {
        await lockResources(joining, [clinic.id])
        closing = admin.post(`/clinics/${clinic.id}/closures`, { startsOn: '2026-01-06', endsOn: '2026-01-06' })
        await waiting(1)
        await joining.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId: clinic.id }).execute()
        await lockResources(booking, [doctor.id])
      })
      await waiting(1)
    })
    expect((await closing!).status).toBe(201)
  })
})

describe('the first clinic of a doctor', () => {
  test('a doctor who registers joins the only clinic under its lock, with a fee in its currency as it is then', async () => {
    const t = await createTestApp()
    const clinic = await t.newClinic()
    const doctor = { role: 'doctor', email: 'joins@example.org', password: 'a long enough secret 1', name: 'Dr. Joins' }
    const rest = { specialization: 'Cardiology', licenseNumber: 'NY-9', fee: { amount: 9500, currency: 'USD' } }
    let registered: ReturnType<typeof t.anonymous.post> | undefined
    await t.deps.postgres.transaction([], async (trx) => {
      await lockResources(trx, [clinic.id])
      registered = t.anonymous.post('/auth/register', { ...doctor, ...rest })
      const query = `
        select 1 from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`
      await until(async () => (await t.deps.postgres.pool.query(query)).rowCount === 1)
      await trx.updateTable('clinics').set({ currency: 'EUR' }).where('id', '=', clinic.id).execute()
    })
    expect(await registered).toMatchObject({ status: 422, body: { errors: [{ path: 'fee.currency' }] } })
  })
})
