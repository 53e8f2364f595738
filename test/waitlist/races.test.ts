import { describe, expect, test } from 'bun:test'
import { expireHolds } from '../../src/appointments/holds/service'
import { addDays } from '../../src/scheduling/local-time'
import { offerFreedTime } from '../../src/waitlist/offer'
import { openCopy } from '../support/copies'
import { raceWithHeadStart } from '../support/head-start'
import { createWaitlistApp, MINUTE } from './waitlist-app'

const ROUNDS = process.env.TEST_SCALE === 'full' ? 100 : 2
const BOOKERS = 6

const t = await createWaitlistApp()
const small = { POSTGRESQL_POOL_SIZE: '6' }
const copy = openCopy(t, small)
/** A copy whose clock is ahead by the length of an offer. */
const ahead = openCopy(t, small, () => new Date(t.clock.now().getTime() + 15 * MINUTE))
const doctor = await t.newDoctor({
  clinicId: t.clinic.id,
  weekly: [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '09:00', end: '17:00' })),
})
const wish = { doctorId: doctor.id, to: '2026-03-01' }
const startOf = (round: number) => `${addDays('2026-01-06', Math.floor(round / 8))}T${14 + (round % 8)}:00:00Z`
const bookers = await Promise.all(Array.from({ length: BOOKERS }, () => t.newPatient()))

/** The appointments with this start that occupy the doctor or the patient. */
const standing = (startsAt: string) =>
  t.db
    .selectFrom('appointments')
    .innerJoin('occupancy', 'occupancy.appointmentId', 'appointments.id')
    .select(['appointments.status', 'appointments.patientId', 'occupancy.kind'])
    .where('doctorId', '=', doctor.id)
    .where('startsAt', '=', new Date(startsAt))
    .orderBy('occupancy.kind')
    .execute()

describe('waiting list races', () => {
  test.each([
    ['accept', 'decline'],
    ['accept', 'leave'],
    ['accept', 'accept'],
    ['decline', 'leave'],
  ])(
    'of %s and %s at once one succeeds, the other is a 409, and the booking agrees with the entry',
    async (...answers) => {
      for (let round = 0; round < 3 * ROUNDS; round++) {
        const patient = await t.newPatient()
        const doctor = await t.newCardiologist()
        const id = await t.wait(patient, { doctorId: doctor.id })
        await t.free(doctor)
        await t.runJobs()
        const { offer } = await t.entryOf(patient, id)
        const send = (app: typeof t | typeof copy, answer: string) =>
          answer === 'leave'
            ? app.as(patient.actor).delete(`/waitlist/${id}`)
            : app.as(patient.actor).put(`/waitlist/${id}/${answer}`)
        const sent = await raceWithHeadStart(
          t.db,
          round,
          () => send(t, answers[0]!),
          () => send(copy, answers[1]!),
        )
        expect(sent.map(({ status }) => (status < 300 ? 'done' : status)).sort()).toEqual([409, 'done'])
        const { status } = await t.entryOf(patient, id)
        const booking = await t.as(patient.actor).get(`/appointments/${offer.appointmentId}`)
        expect([status, booking.body.status]).toEqual([status, status === 'accepted' ? 'booked' : 'cancelled'])
      }
    },
  )

  test('several copies that run the same job make one offer', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const startsAt = startOf(round)
      const line = [await t.newPatient(), await t.newPatient(), await t.newPatient()]
      for (const patient of line) await t.wait(patient, wish)
      const owner = await t.newPatient()
      const appointmentId = await t.book(owner, doctor, startsAt)
      await t.cancel(owner, appointmentId)
      const freed = { appointmentId, was: 'booked' as const, doctorId: doctor.id, clinicId: t.clinic.id, startsAt }
      await Promise.all([t, copy, t, copy, copy].map(({ deps }) => offerFreedTime(deps, freed)))
      const entries = t.db.selectFrom('waitlistEntries').select('status').orderBy('createdAt').orderBy('id')
      const ids = line.map(({ id }) => id)
      const statuses = (await entries.where('patientId', 'in', ids).execute()).map(({ status }) => status)
      expect(statuses).toEqual(['offered', 'waiting', 'waiting'])
      expect(await standing(startsAt)).toEqual([
        { status: 'held', patientId: line[0]!.id, kind: 'doctor' },
        { status: 'held', patientId: line[0]!.id, kind: 'patient' },
      ])
      await t.db.updateTable('waitlistEntries').set({ status: 'withdrawn' }).where('patientId', 'in', ids).execute()
    }
    await t.runJobs()
  }, 300_000)

  test('one patient gets the slot when an offer is accepted while it expires and others book its slot', async () => {
    const winners = new Set<string>()
    for (let round = 0; round < ROUNDS; round++) {
      const startsAt = startOf(ROUNDS + round)
      const patient = await t.newPatient()
      const id = await t.wait(patient, wish)
      await t.free(doctor, startsAt)
      await t.runJobs()
      const body = { doctorId: doctor.id, startsAt }
      const [accepted, [, ...booked]] = await raceWithHeadStart(
        t.db,
        round,
        () => copy.as(patient.actor).put(`/waitlist/${id}/accept`),
        () =>
          Promise.all([
            expireHolds(ahead.deps, ahead.deps.clock()),
            ...bookers.map(({ actor }) => ahead.as(actor).post('/appointments', body)),
          ]),
      )
      const refusals = [accepted, ...booked].filter(({ status }) => status >= 400)
      expect(refusals.map(({ status }) => status)).toEqual(Array(BOOKERS).fill(409))
      const stands = await standing(startsAt)
      expect(stands.map(({ status, kind }) => [status, kind])).toEqual([
        ['booked', 'doctor'],
        ['booked', 'patient'],
      ])
      const won = accepted.status === 200
      expect(stands[0]!.patientId === patient.id).toBe(won)
      winners.add(won ? 'accepted' : 'booked')
      await t.runJobs()
      const entry = await t.db.selectFrom('waitlistEntries').select('status').where('id', '=', id).executeTakeFirst()
      expect(entry!.status).toBe(won ? 'accepted' : 'lapsed')
    }
    expect([...winners].toSorted()).toEqual(['accepted', 'booked'])
  }, 300_000)

  test('a patient who leaves the waiting list during an offer keeps no hold', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const startsAt = startOf(2 * ROUNDS + round)
      const [first, second] = [await t.newPatient(), await t.newPatient()]
      const [leaving, staying] = [await t.wait(first, wish), await t.wait(second, wish)]
      await t.free(doctor, startsAt)
      const [left] = await Promise.all([copy.as(first.actor).delete(`/waitlist/${leaving}`), t.runJobs()])
      expect(left.status).toBe(204)
      await t.runJobs()
      expect((await t.entryOf(first, leaving)).status).toBe('withdrawn')
      expect((await t.entryOf(second, staying)).status).toBe('offered')
      expect((await standing(startsAt)).map(({ patientId }) => patientId)).toEqual([second.id, second.id])
      await t.as(second.actor).put(`/waitlist/${staying}/accept`)
    }
  }, 300_000)
})
