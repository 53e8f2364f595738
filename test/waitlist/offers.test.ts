import { describe, expect, test } from 'bun:test'
import { offerFreedTime } from '../../src/waitlist/offer'
import { createWaitlistApp, MINUTE, TEN } from './waitlist-app'

const t = await createWaitlistApp()
const appointment = (id: string) =>
  t.db
    .selectFrom('appointments')
    .select(['status', 'patientId', 'doctorId', 'startsAt', 'holdExpiresAt', 'createdBy', 'visitTypeId'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
const occupied = async (id: string) =>
  (await t.db.selectFrom('occupancy').select('kind').where('appointmentId', '=', id).execute()).length

describe('an offer', () => {
  async function offered() {
    const doctor = await t.newCardiologist()
    const [first, second] = [await t.newPatient(), await t.newPatient()]
    const entries = [
      await t.wait(first, { doctorId: doctor.id }),
      await t.wait(second, { doctorId: doctor.id }),
    ] as const
    await t.free(doctor)
    await t.settle()
    const { offer } = await t.entryOf(first, entries[0])
    return { doctor, first, second, entries, offerId: offer.appointmentId as string }
  }
  const statusOf = async (patient: Parameters<typeof t.entryOf>[0], id: string) => (await t.entryOf(patient, id)).status

  test('an accepted offer is a booking like any other', async () => {
    const { first, second, entries, offerId } = await offered()
    const { status, body } = await t.as(first.actor).put(`/waitlist/${entries[0]}/accept`)
    expect([status, body.status, body.offer.expiresAt]).toEqual([200, 'accepted', null])
    expect(await appointment(offerId)).toMatchObject({ status: 'booked', holdExpiresAt: null })
    t.clock.advance(20 * MINUTE)
    await t.settle()
    expect(await statusOf(second, entries[1])).toBe('waiting')
    expect(await occupied(offerId)).toBe(2)
    t.clock.advance(-20 * MINUTE)
    await t.cancel(first, offerId)
    await t.settle()
    expect(await statusOf(first, entries[0])).toBe('accepted')
    expect(await statusOf(second, entries[1])).toBe('offered')
  })

  test('an offer can be accepted by an admin and by a guardian', async () => {
    const one = await offered()
    const admin = t.as(await t.newAdmin())
    expect((await admin.put(`/waitlist/${one.entries[0]}/accept`)).body.status).toBe('accepted')
    const other = await offered()
    const parent = await t.newPatient()
    const guardian = { userId: parent.actor.userId, patientId: other.first.id }
    await t.db.insertInto('patientGuardians').values(guardian).execute()
    expect((await t.as(parent.actor).put(`/waitlist/${other.entries[0]}/accept`)).body.status).toBe('accepted')
  })

  test('an offer for an entry made by an admin is held in the name of the admin and accepted by the patient', async () => {
    const doctor = await t.newCardiologist()
    const [admin, patient] = [await t.newAdmin(), await t.newPatient()]
    const wish = { doctorId: doctor.id, patientId: patient.id, ...t.days }
    const { body: entry } = await t.as(admin).post('/waitlist', wish)
    await t.free(doctor)
    await t.settle()
    const { body } = await t.as(patient.actor).put(`/waitlist/${entry.id}/accept`)
    expect(body.status).toBe('accepted')
    expect(await appointment(body.offer.appointmentId)).toMatchObject({ createdBy: admin.userId, status: 'booked' })
  })

  test('a declined offer goes to the next entry in line', async () => {
    const { first, second, entries, offerId } = await offered()
    expect((await t.as(first.actor).put(`/waitlist/${entries[0]}/decline`)).body.status).toBe('declined')
    expect(await appointment(offerId)).toMatchObject({ status: 'cancelled' })
    expect(await occupied(offerId)).toBe(0)
    await t.settle()
    expect(await statusOf(second, entries[1])).toBe('offered')
    expect(await t.as(first.actor).put(`/waitlist/${entries[0]}/accept`)).toMatchObject({
      status: 409,
      body: { code: 'invalid_state' },
    })
  })

  test('an expired offer goes to the next entry in line and can no longer be accepted', async () => {
    const { first, second, entries, offerId } = await offered()
    t.clock.advance(15 * MINUTE)
    expect(await statusOf(first, entries[0])).toBe('lapsed')
    const late = await t.as(first.actor).put(`/waitlist/${entries[0]}/accept`)
    expect(late).toMatchObject({ status: 409, body: { code: 'hold_expired' } })
    await t.settle()
    expect(await appointment(offerId)).toMatchObject({ status: 'expired' })
    expect(await statusOf(first, entries[0])).toBe('lapsed')
    expect(await statusOf(second, entries[1])).toBe('offered')
    t.clock.advance(-15 * MINUTE)
  })

  test('an offer ends when its patient leaves the waiting list', async () => {
    const { first, second, entries, offerId } = await offered()
    expect((await t.as(first.actor).delete(`/waitlist/${entries[0]}`)).status).toBe(204)
    expect(await appointment(offerId)).toMatchObject({ status: 'cancelled' })
    await t.settle()
    expect(await statusOf(first, entries[0])).toBe('withdrawn')
    expect(await statusOf(second, entries[1])).toBe('offered')
  })

  test('an offer can also be confirmed or cancelled as a hold', async () => {
    const confirmed = await offered()
    expect((await t.as(confirmed.first.actor).put(`/appointments/${confirmed.offerId}/confirm`)).status).toBe(200)
    expect(await statusOf(confirmed.first, confirmed.entries[0])).toBe('accepted')
    await t.cancel(confirmed.first, confirmed.offerId)
    await t.settle()
    expect(await statusOf(confirmed.first, confirmed.entries[0])).toBe('accepted')

    const cancelled = await offered()
    await t.cancel(cancelled.first, cancelled.offerId)
    expect(await statusOf(cancelled.first, cancelled.entries[0])).toBe('declined')
    await t.settle()
    expect(await statusOf(cancelled.first, cancelled.entries[0])).toBe('declined')
    expect(await statusOf(cancelled.second, cancelled.entries[1])).toBe('offered')
  })

  test('an offer is settled by the state of its appointment, not by the payload of the job', async () => {
    const { doctor, first, entries, offerId } = await offered()
    const freed = {
      appointmentId: offerId,
      was: 'held' as const,
      doctorId: doctor.id,
      clinicId: t.clinic.id,
      startsAt: TEN,
    }
    const stored = async () => {
      const entry = t.db.selectFrom('waitlistEntries').select('status').where('id', '=', entries[0])
      return (await entry.executeTakeFirstOrThrow()).status
    }
    await offerFreedTime(t.deps, freed)
    expect(await stored()).toBe('offered')
    // As a late payment does.
    await t.db
      .updateTable('appointments')
      .set({ status: 'booked', holdExpiresAt: null })
      .where('id', '=', offerId)
      .execute()
    await offerFreedTime(t.deps, freed)
    expect([await stored(), await statusOf(first, entries[0])]).toEqual(['accepted', 'accepted'])
  })

  test('a slot that every waiting patient declined can be booked by anyone', async () => {
    const { doctor, first, second, entries } = await offered()
    await t.as(first.actor).put(`/waitlist/${entries[0]}/decline`)
    await t.settle()
    await t.as(second.actor).put(`/waitlist/${entries[1]}/decline`)
    await t.settle()
    await t.book(await t.newPatient(), doctor)
  })
})
