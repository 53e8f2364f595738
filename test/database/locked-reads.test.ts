import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { newId } from '../../src/database/ids'
import { createTestApp, NOW } from '../support/app'
import { until } from '../support/until'

// A statement that waited for a row lock sees the new version of that row, and the old versions of all other rows.

const t = await createTestApp()
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const patient = await t.newPatient()
const guardian = await t.newPatient()
const admin = await t.newAdmin()
await t.db.insertInto('patientGuardians').values({ patientId: patient.id, userId: guardian.actor.userId }).execute()
const at = (time: string) => `2026-01-06T${time}:00-05:00`

/** Sends the request while another transaction holds a change, and commits the change once the request waits for it. */
async function during<T>(change: string, values: unknown[], request: () => Promise<T>): Promise<T> {
  const other = await t.deps.postgres.pool.connect()
  try {
    await other.query('begin')
    const { rows } = await other.query<{ pid: number }>('select pg_backend_pid() as pid')
    await other.query(change, values)
    const waiting = sql`select 1 from pg_stat_activity where ${rows[0]!.pid}::int = any(pg_blocking_pids(pid))`
    const answer = request()
    await until(async () => (await waiting.execute(t.db)).rows.length > 0)
    await other.query('commit')
    return await answer
  } finally {
    other.release()
  }
}

const pay = `
  with locked as (select id from appointments where id = $1 for update)
  insert into payments (id, appointment_id, amount, currency, method, provider, status, created_by, created_at)
  select $2, id, 100, 'USD', 'cash', 'desk', 'pending', $3, $4 from locked`
const payment = (appointmentId: string) => [appointmentId, newId(), admin.userId, NOW]

describe('appointments with a concurrent payment', () => {
  test('rescheduling during a concurrent payment returns the appointment with this payment', async () => {
    const { id } = await t.newAppointment({ patient, doctor, startsAt: at('09:00') })
    const move = () => t.as(patient.actor).put(`/appointments/${id}/reschedule`, { startsAt: at('10:00') })
    const { status, body } = await during(pay, payment(id), move)
    expect({ status, payment: body.payment }).toMatchObject({ status: 200, payment: { status: 'pending' } })
    expect((await t.as(patient.actor).get(`/appointments/${id}`)).body).toEqual(body)
  })

  test('confirming a hold during a concurrent payment returns the appointment with this payment', async () => {
    const hold = { doctorId: doctor.id, startsAt: at('11:00'), hold: true }
    const { id } = (await t.as(patient.actor).post('/appointments', hold)).body
    const { status, body } = await during(pay, payment(id), () =>
      t.as(patient.actor).put(`/appointments/${id}/confirm`),
    )
    expect({ status, payment: body.payment }).toMatchObject({ status: 200, payment: { status: 'pending' } })
    expect((await t.as(patient.actor).get(`/appointments/${id}`)).body).toEqual(body)
  })

  test('cancelling during a concurrent payment returns the appointment with this payment', async () => {
    const { id } = await t.newAppointment({ patient, doctor, startsAt: at('12:00') })
    const { status, body } = await during(pay, payment(id), () => t.as(patient.actor).put(`/appointments/${id}/cancel`))
    expect({ status, payment: body.payment }).toMatchObject({ status: 200, payment: { status: 'cancelled' } })
    expect((await t.as(patient.actor).get(`/appointments/${id}`)).body).toEqual(body)
  })
})

const touchAppointment = 'update appointments set version = version + 1 where id = $1'

test.each([
  ['its patient', patient.actor, '13:00'],
  ['a guardian', guardian.actor, '14:00'],
  ['an admin', admin, '15:00'],
] as const)('an appointment that changes at the same moment can be paid by %s', async (_who, actor, time) => {
  const { id } = await t.newAppointment({ patient, doctor, startsAt: at(time) })
  const begin = () => t.as(actor).post('/payments', { appointmentId: id, method: 'cash' })
  expect(await during(touchAppointment, [id], begin)).toMatchObject({ status: 201 })
})

test.each([
  ['themselves', patient.actor],
  ['a guardian', guardian.actor],
  ['an admin', admin],
])('a patient who changes at the same moment can be updated by %s', async (_who, actor) => {
  const { version } = await t.db
    .selectFrom('patients')
    .select('version')
    .where('id', '=', patient.id)
    .executeTakeFirstOrThrow()
  const touch = 'update patients set version = version + 1 where id = $1'
  const change = () => t.as(actor).patch(`/patients/${patient.id}`, { address: '1 Main Street' })
  expect((await during(touch, [patient.id], change)).status).toBe(200)
  const stored = t.db.selectFrom('patients').select('version').where('id', '=', patient.id)
  expect(await stored.executeTakeFirst()).toEqual({ version: version + 2 })
})
