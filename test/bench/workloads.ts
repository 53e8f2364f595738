import { DAY, dayOfNumber, instantAt, isoWeekday, MINUTE } from '../../src/scheduling/local-time'
import { AHEAD_DAYS } from './calendar'
import type { Requests } from './load'
import { PATIENTS_WITH_HISTORY, type World } from './world'

const HALF_HOURS_A_DAY = 16

/** Of the API in relation to the bare server, and `peer` to the peer. */
export type Targets = {
  must: { cpu: number; pace: number }
  aim: { pace: number; peer: number }
  /** Statements a request, of those that match. */
  statements?: { what: string; matching: RegExp; atMost: number }[]
  /** Whether no statement may be planned anew. */
  planned?: true
}

export type Workload = {
  name: string
  title: string
  /** The statuses that are right; a race for one time has one winner. */
  statuses: number[]
  /** The bare server has no tokens: its bodies contain what the others read from the token. */
  requests: (world: World, bare: boolean) => Requests
  /** Each takes a core so long that few are sent where only counts matter. */
  slow?: true
  targets?: Targets
}

const spread = <T>(all: T[], n: number): T => all[n % all.length]!

export const WORKLOADS: Workload[] = [
  {
    name: 'W1',
    title: 'GET /doctors?specialization=, 20 of 100',
    statuses: [200],
    requests: () => () => ({ method: 'GET', path: '/doctors?specialization=cardiology' }),
    targets: { must: { cpu: 1.6, pace: 0.45 }, aim: { pace: 0.9, peer: 2 } },
  },
  {
    name: 'W2',
    title: 'GET /appointments/{id}, audited',
    statuses: [200],
    requests:
      ({ visits }) =>
      (n) => {
        const { id, token } = spread(visits, n)
        return { method: 'GET', path: `/appointments/${id}`, token }
      },
    targets: {
      must: { cpu: 6, pace: 0.17 },
      aim: { pace: 0.35, peer: 1.5 },
      statements: [{ what: 'all', matching: /./, atMost: 0.3 }],
      planned: true,
    },
  },
  {
    name: 'W3',
    title: 'POST /appointments, distinct free times',
    statuses: [201],
    // Concurrent requests are for different doctors and different patients.
    requests: ({ doctors, visits }, bare) => {
      const book = bookings('book', visits, bare)
      return (n) => book(n, spread(doctors, n).id, freeTime(HALF_HOURS_A_DAY + Math.floor(n / doctors.length)))
    },
    targets: {
      must: { cpu: 5, pace: 0.18 },
      aim: { pace: 0.35, peer: 1.1 },
      statements: [
        { what: 'booking facts', matching: /schedule_windows/, atMost: 0.5 },
        { what: 'bookings written', matching: /insert into "?appointments/i, atMost: 0.2 },
      ],
      planned: true,
    },
  },
  {
    name: 'W4',
    title: 'POST /appointments, book a taken slot',
    statuses: [201, 409],
    // All patients of a round want the same time, which nobody has yet.
    requests: ({ doctors, visits }, bare) => {
      const book = bookings('race', visits, bare)
      return (n, round) => book(n, spread(doctors, round).id, freeTime(Math.floor(round / doctors.length)))
    },
    targets: { must: { cpu: 4.5, pace: 0.25 }, aim: { pace: 0.6, peer: 2 }, planned: true },
  },
  {
    name: 'W5',
    title: 'POST /auth/login, bcrypt cost 10',
    statuses: [200],
    slow: true,
    requests:
      ({ visits, password }) =>
      (n) => ({ method: 'POST', path: '/auth/login', body: { email: spread(visits, n).patientEmail, password } }),
  },
  {
    name: 'W6',
    title: 'GET /patients/{id} with 20 + 20 documents',
    statuses: [200],
    requests:
      ({ visits }) =>
      (n) => {
        const { patientId, token } = visits[n % PATIENTS_WITH_HISTORY]!
        return { method: 'GET', path: `/patients/${patientId}`, token }
      },
    targets: { must: { cpu: 2.4, pace: 0.4 }, aim: { pace: 0.7, peer: 1.5 } },
  },
]

/** Further hot paths, which the ceiling and the peer do not have. */
export const MORE_WORKLOADS: Workload[] = [
  {
    name: 'W7',
    title: 'GET /doctors/{id}/slots, 31 days',
    statuses: [200],
    requests:
      ({ doctors }) =>
      (n) => ({ method: 'GET', path: `/doctors/${spread(doctors, n).id}/slots?${daysFromToday(31)}` }),
  },
  {
    name: 'W8',
    title: 'GET /slots, 100 doctors, 7 days',
    statuses: [200],
    slow: true,
    requests:
      ({ doctors }) =>
      (n) => {
        const { clinicId, specialization } = spread(doctors, n)
        const path = `/slots?specialization=${specialization}&clinicId=${clinicId}&${daysFromToday(7)}`
        return { method: 'GET', path }
      },
  },
  {
    name: 'W9',
    title: 'GET /appointments, audited',
    statuses: [200],
    requests:
      ({ visits }) =>
      (n) => ({ method: 'GET', path: '/appointments', token: spread(visits, n).token }),
  },
]

export function bookings(keys: string, visits: World['visits'], bare = false) {
  return (n: number, doctorId: string, startsAt: string) => {
    const { patientId, patientUserId: userId, token } = spread(visits, n)
    const body = { doctorId, startsAt, ...(bare && { patientId, userId }) }
    return { method: 'POST' as const, path: '/appointments', token, key: `${keys}-${n}`, body }
  }
}

function daysFromToday(days: number): string {
  const today = Math.floor(Date.now() / DAY)
  return `from=${dayOfNumber(today)}&to=${dayOfNumber(today + days - 1)}`
}

/** The nth half hour after all bookings. */
export function freeTime(n: number): string {
  const tomorrow = Math.floor(Date.now() / DAY) + AHEAD_DAYS + 1
  const monday = tomorrow + ((8 - isoWeekday(tomorrow)) % 7)
  const workday = Math.floor(n / HALF_HOURS_A_DAY)
  const day = dayOfNumber(monday + Math.floor(workday / 6) * 7 + (workday % 6))
  const opening = instantAt(day, '09:00', 'America/New_York')
  return new Date(opening + (n % HALF_HOURS_A_DAY) * 30 * MINUTE).toISOString()
}

/** Those of `known` that are named, or all. */
export function workloadsOf(names: string[], known = WORKLOADS): Workload[] {
  const unknown = names.filter((name) => !known.some((workload) => workload.name === name))
  if (unknown.length > 0)
    throw new Error(
      `There is no workload called ${unknown.join(' or ')} here: there are ${known.map(({ name }) => name).join(', ')}.`,
    )
  return names.length > 0 ? known.filter(({ name }) => names.includes(name)) : known
}
