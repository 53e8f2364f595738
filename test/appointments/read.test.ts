import { describe, expect, test } from 'bun:test'
import type { Caller } from '../../src/actor'
import { newId } from '../../src/database/ids'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const patient = await t.newPatient()
const day = (n: number, time = '15:00') => `2026-01-${String(n).padStart(2, '0')}T${time}:00Z`

type Query = Record<string, string | number>
const list = (actor: Caller, query: Query = {}) => t.as(actor).get('/appointments', { query })
const ids = async (actor: Caller, query: Query = {}): Promise<string[]> =>
  (await list(actor, query)).body.data.map(({ id }: { id: string }) => id)

describe('reading appointments', () => {
  test('patients see their own and their wards’ appointments, doctors see theirs, admins all, and others none', async () => {
    const [stranger, guardian] = [await t.newPatient(), await t.newPatient()]
    const otherDoctor = await t.newDoctor({ clinicId: clinic.id })
    const ward = await t.newPatient({ account: false })
    await t.db.insertInto('patientGuardians').values({ userId: guardian.actor.userId, patientId: ward.id }).execute()
    const reason = 'Private'
    const own = await t.newAppointment({ patient, doctor, startsAt: day(5), reason })
    const wards = await t.newAppointment({ patient: ward, doctor, startsAt: day(5, '16:00'), reason })
    const sees: [Caller, string[]][] = [
      [patient.actor, [own.id]],
      [guardian.actor, [wards.id]],
      [doctor.actor, [own.id, wards.id]],
      [admin, [own.id, wards.id]],
      [stranger.actor, []],
      [otherDoctor.actor, []],
    ]
    for (const [actor, visible] of sees) {
      expect(await ids(actor)).toEqual(visible)
      for (const { id } of [own, wards]) {
        const read = await t.as(actor).get(`/appointments/${id}`)
        expect(read.status).toBe(visible.includes(id) ? 200 : 404)
        if (read.status === 200) expect(read.body.reason).toBe(actor === admin ? null : reason)
        if (read.status === 200) expect(read.headers.get('etag')).toBe('"1"')
      }
    }
    expect(await t.anonymous.get('/appointments')).toMatchObject({ status: 401 })
  })

  test('filtering appointments by another person returns an empty page, not an error', async () => {
    const stranger = await t.newPatient()
    expect(await list(stranger.actor, { patientId: patient.id })).toMatchObject({ status: 200, body: { data: [] } })
    expect(await list(doctor.actor, { doctorId: crypto.randomUUID() })).toMatchObject({ body: { data: [] } })
  })

  test('appointments can be filtered by status, local day, doctor, patient and clinic; expired holds show only on request', async () => {
    const tokyo = await t.newClinic({ timeZone: 'Asia/Tokyo' })
    const [a, b] = [await t.newDoctor({ clinicId: clinic.id }), await t.newDoctor({ clinicId: tokyo.id })]
    const someone = await t.newPatient()
    const make = (doctor: typeof a, startsAt: string, status: 'booked' | 'cancelled' | 'expired' = 'booked') =>
      t.newAppointment({ patient: someone, doctor, startsAt, status })
    const booked = await make(a, day(8))
    const lateInTokyo = await make(b, day(8, '16:00'))
    const cancelled = await make(a, day(9), 'cancelled')
    const expired = await make(a, day(10), 'expired')
    const all = [booked.id, lateInTokyo.id, cancelled.id]
    const { actor } = someone
    expect(await ids(actor)).toEqual(all)
    expect(await ids(actor, { order: 'desc' })).toEqual(all.toReversed())
    expect(await ids(actor, { status: 'expired' })).toEqual([expired.id])
    expect(await ids(actor, { status: 'booked,expired' })).toEqual([booked.id, lateInTokyo.id, expired.id])
    expect(await ids(actor, { from: '2026-01-09' })).toEqual([lateInTokyo.id, cancelled.id])
    expect(await ids(actor, { to: '2026-01-08' })).toEqual([booked.id])
    expect(await ids(actor, { from: '2026-01-09', to: '2026-01-09' })).toEqual([lateInTokyo.id, cancelled.id])
    expect(await ids(admin, { doctorId: a.id })).toEqual([booked.id, cancelled.id])
    expect(await ids(admin, { patientId: someone.id, clinicId: tokyo.id })).toEqual([lateInTokyo.id])
    const wrong: Query[] = [{ status: 'lost' }, { status: 'booked,' }, { from: '2026-02-30' }, { sort: 'x' }]
    for (const query of wrong) expect(await list(actor, query)).toMatchObject({ status: 422 })
  })

  test('pages of appointments follow each other in both orders, also through equal starts', async () => {
    const [busy, other] = [await t.newDoctor({ clinicId: clinic.id }), await t.newDoctor({ clinicId: clinic.id })]
    const startsAt = day(12)
    for (const doctor of [busy, other, busy, other])
      await t.newAppointment({ patient: await t.newPatient(), doctor, startsAt, status: 'cancelled' })
    await t.newAppointment({ patient: await t.newPatient(), doctor: busy, startsAt: day(13) })
    const filters = { clinicId: clinic.id, from: '2026-01-12', to: '2026-01-13' }
    const all = await ids(admin, filters)
    expect(all).toHaveLength(5)
    for (const order of ['asc', 'desc']) {
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const query: Query = { ...filters, order, limit: 2, ...(cursor && { cursor }) }
        const { body } = await list(admin, query)
        seen.push(...body.data.map(({ id }: { id: string }) => id))
        cursor = body.nextCursor
      } while (cursor)
      expect(seen).toEqual(order === 'asc' ? all : all.toReversed())
    }
    expect(await list(admin, { cursor: 'bm90IG9uZQ' })).toMatchObject({ status: 422 })
  })

  test('an appointment shows its active payment, or else its latest one', async () => {
    const { id } = await t.newAppointment({ patient, doctor, startsAt: day(14) })
    const shown = async () => (await t.as(patient.actor).get(`/appointments/${id}`)).body.payment
    const pay = async (status: 'failed' | 'pending' | 'cancelled', createdAt: string) => {
      const paymentId = newId()
      const createdBy = patient.actor.userId
      await t.db
        .insertInto('payments')
        .values({
          id: paymentId,
          appointmentId: id,
          amount: 9500,
          currency: 'USD',
          method: 'cash',
          provider: 'desk',
          status,
          createdBy,
          createdAt: new Date(createdAt),
        })
        .execute()
      return { id: paymentId, amount: 9500, currency: 'USD', status }
    }
    expect(await shown()).toBeNull()
    const pending = await pay('pending', day(1))
    await pay('failed', day(2))
    expect(await shown()).toEqual(pending)
    await t.db.updateTable('payments').set({ status: 'cancelled' }).where('id', '=', pending.id).execute()
    expect(await shown()).toMatchObject({ status: 'failed' })
    const [listed] = (await list(patient.actor, { from: '2026-01-14', to: '2026-01-14' })).body.data
    expect(listed.payment).toMatchObject({ status: 'failed' })
  })

  test('a list of appointments is audited with the patients that it shows', async () => {
    const [reader, ward] = [await t.newPatient(), await t.newPatient({ account: false })]
    await t.db.insertInto('patientGuardians').values({ userId: reader.actor.userId, patientId: ward.id }).execute()
    await t.newAppointment({ patient: reader, doctor, startsAt: day(15) })
    await t.newAppointment({ patient: ward, doctor, startsAt: day(16) })
    await t.newAppointment({ patient: ward, doctor, startsAt: day(17) })
    await list(reader.actor)
    const events = await t
      .auditEvents()
      .select(['kind', 'action', 'patientIds'])
      .where('actorId', '=', reader.actor.userId)
      .execute()
    expect(events).toEqual([{ kind: 'appointment.list', action: 'R', patientIds: [reader.id, ward.id] }])
  })
})
