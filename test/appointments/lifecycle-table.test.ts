import { expect, test } from 'bun:test'
import type { Caller } from '../../src/actor'
import type { AppointmentStatus } from '../../src/ledger/status'
import { createTestApp, NOW } from '../support/app'
import { occupancyFaults } from '../support/occupancy'

const t = await createTestApp()
const clinic = await t.newClinic()
const admin = await t.newAdmin()

/** Eleven in the morning at the clinic in New York. */
const START = '2026-03-17T15:00:00Z'

const TIMES = {
  '70 days before': '2026-01-06T15:00:00Z',
  'the day before': '2026-03-16T15:00:00Z',
  'on the day': '2026-03-17T14:30:00Z',
  'during the visit': '2026-03-17T15:10:00Z',
  'later that day': '2026-03-17T21:00:00Z',
  'years after': '2029-03-19T15:00:00Z',
} as const
type Time = keyof typeof TIMES
const ALL = Object.keys(TIMES) as Time[]
const BEFORE = ALL.slice(0, 3)
const STARTED = ALL.slice(3)
const ON_THE_DAY = ALL.slice(2, 5)

const STATES: AppointmentStatus[] = ['held', 'booked', 'checked_in', 'completed', 'no_show', 'cancelled', 'expired']
const ROLES = ['the patient', 'the doctor', 'an admin', 'another patient', 'another doctor'] as const
type Role = (typeof ROLES)[number]
const EVERYONE: readonly Role[] = ROLES.slice(0, 3)
const STAFF: readonly Role[] = ROLES.slice(1, 3)

type Action = {
  body?: (time: Time) => object
  becomes: AppointmentStatus
  /** Of the people who see the appointment; the others are forbidden to do it. */
  who: readonly Role[]
  /** For which states, and when. */
  allowed: Partial<Record<AppointmentStatus, readonly Time[]>>
}
const reason = () => ({ reason: 'A slip' })
const ACTIONS: Record<string, Action> = {
  confirm: { becomes: 'booked', who: ['the patient'], allowed: { held: BEFORE } },
  'check-in': {
    body: reason,
    becomes: 'checked_in',
    who: STAFF,
    allowed: { booked: ON_THE_DAY, completed: ON_THE_DAY, no_show: ON_THE_DAY },
  },
  'undo-check-in': {
    body: reason,
    becomes: 'booked',
    who: STAFF,
    allowed: { checked_in: ['on the day'] },
  },
  complete: {
    body: reason,
    becomes: 'completed',
    who: STAFF,
    allowed: { booked: STARTED, checked_in: STARTED, no_show: ['during the visit', 'later that day'] },
  },
  'no-show': { becomes: 'no_show', who: STAFF, allowed: { booked: STARTED } },
  cancel: { becomes: 'cancelled', who: EVERYONE, allowed: { held: BEFORE, booked: BEFORE } },
  reschedule: {
    body: (time) => ({ startsAt: time === 'years after' ? '2029-03-20T15:00:00Z' : '2026-03-18T15:00:00Z' }),
    becomes: 'booked',
    who: EVERYONE,
    allowed: { booked: BEFORE },
  },
}
/** Routes that only staff may call at all: a patient learns nothing about the appointment. */
const STAFF_ROUTES = new Set(Object.keys(ACTIONS).filter((action) => ACTIONS[action]!.who === STAFF))

async function make(status: AppointmentStatus) {
  const [patient, doctor] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id })]
  const { id } = await t.newAppointment({ patient, doctor, startsAt: START, status, holdExpiresAt: new Date(START) })
  return { id, patient, doctor }
}
type Made = Awaited<ReturnType<typeof make>>

const strangers = { patient: await t.newPatient(), doctor: await t.newDoctor({ clinicId: clinic.id }) }
const actorOf = ({ patient, doctor }: Made): Record<Role, Caller> => ({
  'the patient': patient.actor,
  'the doctor': doctor.actor,
  'an admin': admin,
  'another patient': strangers.patient.actor,
  'another doctor': strangers.doctor.actor,
})

function expected(state: AppointmentStatus, name: string, time: Time, role: Role): number {
  const { who, allowed } = ACTIONS[name]!
  const isPatient = role === 'the patient' || role === 'another patient'
  if (isPatient && STAFF_ROUTES.has(name)) return 403
  if (role.startsWith('another')) return 404
  if (!who.includes(role)) return 403
  return allowed[state]?.includes(time) ? 200 : 409
}

const stored = (id: string) =>
  t.db.selectFrom('appointments').select(['status', 'version']).where('id', '=', id).executeTakeFirstOrThrow()

test.each(STATES.flatMap((state) => Object.keys(ACTIONS).map((name) => [state, name] as const)))(
  'an appointment that is %s answers the action %s as the contract says, to everyone at all times',
  async (state, name) => {
    t.clock.set(NOW)
    const { body, becomes } = ACTIONS[name]!
    const shared = await make(state)
    for (const time of ALL)
      for (const role of ROLES) {
        t.clock.set(NOW)
        const code = expected(state, name, time, role)
        const made = code === 200 ? await make(state) : shared
        t.clock.set(TIMES[time])
        const answer = await t.as(actorOf(made)[role]).put(`/appointments/${made.id}/${name}`, body?.(time))
        expect([time, role, answer.status]).toEqual([time, role, code])
        if (code === 200) expect(await stored(made.id)).toEqual({ status: becomes, version: 2 })
      }
    t.clock.set(NOW)
    expect(await stored(shared.id)).toEqual({ status: state, version: 1 })
  },
)

test('after all of them the occupancy matches the status of every appointment', async () => {
  expect(await occupancyFaults(t)).toEqual([])
})
