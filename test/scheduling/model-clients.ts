import fc from 'fast-check'
import type { Caller } from '../../src/actor'
import { expireHolds } from '../../src/appointments/holds/service'
import type { Answer } from '../support/client'
import type { Change, Oracle, Span, Told } from './model-oracle'
import { type Copy, type Doctor, SKEW, type World } from './model-world'

const MINUTE = 60_000
const SECOND = 1_000

/** The next step of a client, as numbers: the doctor, appointment and time they select depend on the state by then. */
export const step = fc.record({
  op: fc.oneof(
    { weight: 7, arbitrary: fc.constant('book' as const) },
    { weight: 5, arbitrary: fc.constant('hold' as const) },
    { weight: 4, arbitrary: fc.constant('confirm' as const) },
    { weight: 5, arbitrary: fc.constant('cancel' as const) },
    { weight: 5, arbitrary: fc.constant('reschedule' as const) },
    { weight: 1, arbitrary: fc.constant('series' as const) },
    { weight: 2, arbitrary: fc.constant('progress' as const) },
    { weight: 1, arbitrary: fc.constant('time off' as const) },
    { weight: 2, arbitrary: fc.constant('search' as const) },
    { weight: 1, arbitrary: fc.constant('expire' as const) },
    { weight: 1, arbitrary: fc.constant('wait' as const) },
  ),
  whom: fc.nat(),
  which: fc.nat(),
  when: fc.nat(),
  copy: fc.nat(),
  /** Sent twice at once under one idempotency key, to two copies. */
  twice: fc.boolean(),
  /** With the version that was last seen, which may be outdated. */
  careful: fc.boolean(),
})
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

export type Run = { world: World; oracle: Oracle; outcomes: Record<string, number>; faults: string[] }
type Client = { actor: Caller; patientId?: string; doctor?: Doctor }
type Sent = { answer: Answer<Body>; span: Span }
// biome-ignore lint/suspicious/noExplicitAny: members of answers are typed where they are read
type Body = any

const of = <T>(all: readonly T[], n: number): T => all[n % all.length]!

/** Runs one client through its steps and adds every forbidden answer to `faults`. */
export async function live(run: Run, client: Client, steps: Step[]): Promise<void> {
  for (const step of steps) await DO[step.op](run, client, step)
}

type Do = (run: Run, client: Client, step: Step) => Promise<void>

const DO: Record<Step['op'], Do> = {
  book: (run, client, step) => makeAppointment(run, client, step, 'book'),
  hold: (run, client, step) => makeAppointment(run, client, step, 'hold'),
  confirm: (run, client, step) =>
    change(run, client, step, 'confirm', ['held'], ['hold_expired', 'invalid_state', 'forbidden']),
  cancel: (run, client, step) => change(run, client, step, 'cancel', ['held', 'booked'], ['invalid_state']),
  reschedule,
  progress(run, client, step) {
    const to = of(['check-in', 'complete', 'no-show'] as const, step.which)
    if (client.patientId) return DO.search(run, client, step)
    const body = to === 'no-show' ? undefined : { reason: 'a wrong click' }
    return change(run, client, step, to, ['booked', 'checked_in', 'completed', 'no_show'], ['invalid_state'], body)
  },
  series,
  'time off': timeOff,
  search,
  async expire({ world: { copies } }, _client, { copy }) {
    const { deps, now } = of(copies, copy)
    await expireHolds(deps, new Date(now()))
  },
  async wait({ world: { t, copies }, oracle }, _client, { when }) {
    const ms = (1 + (when % 40)) * SECOND
    oracle.clockSays(Math.max(...copies.map(({ now }) => now())) + ms)
    t.clock.advance(ms)
  },
}

async function makeAppointment(run: Run, client: Client, step: Step, as: 'book' | 'hold'): Promise<void> {
  const { world, oracle } = run
  const doctor = of(world.doctors, step.whom)
  const patientId = client.patientId ?? of(world.patients, step.which).id
  const startsAt = of(world.times, step.when)
  const clinicId = of(doctor.clinicIds, step.which)
  const body = {
    doctorId: doctor.id,
    clinicId,
    startsAt: new Date(startsAt).toISOString(),
    ...(as === 'hold' && { hold: true }),
    ...(!client.patientId && { patientId }),
    // Overrides the hours and the grid, but never a busy range.
    ...(client.actor.role === 'admin' && step.careful && { override: ['hours'], reason: 'agreed on the telephone' }),
  }
  const sent = await send(run, client, step, 'POST', '/appointments', body)
  // A doctor may have no treatment relationship with the patient.
  settle(
    run,
    as,
    sent,
    [201],
    ['slot_taken', 'patient_busy', 'not_bookable', 'invalid_state', 'validation_failed', 'not_found', 'forbidden'],
  )
  const { code } = sent.answer.body
  if (code === 'slot_taken' || code === 'patient_busy')
    oracle.recordRefusal({ ...sent.span, code, doctorId: doctor.id, clinicId, patientId, start: startsAt })
}

/** An appointment that the client can see, mostly with one of the given statuses. */
function choose(
  { oracle }: Run,
  { actor, patientId, doctor }: Client,
  n: number,
  statuses: Told['status'][],
): Told | undefined {
  const visible = oracle
    .latest()
    .filter((told) => actor.role === 'admin' || told.patient.id === patientId || told.doctor.id === doctor?.id)
  const fitting = visible.filter(({ status }) => statuses.includes(status))
  return n % 7 === 0 || fitting.length === 0 ? visible[n % Math.max(1, visible.length)] : of(fitting, n)
}

async function change(
  run: Run,
  client: Client,
  step: Step,
  as: Exclude<Change, 'book' | 'hold' | 'reschedule'>,
  statuses: Told['status'][],
  refusals: string[],
  body?: object,
): Promise<void> {
  const chosen = choose(run, client, step.when, statuses)
  if (!chosen) return
  const sent = await send(run, client, step, 'PUT', `/appointments/${chosen.id}/${as}`, body, chosen)
  settle(run, as, sent, [200], [...refusals, 'version_mismatch'])
}

async function reschedule(run: Run, client: Client, step: Step): Promise<void> {
  const chosen = choose(run, client, step.which, ['booked'])
  if (!chosen) return
  const start = of(run.world.times, step.when)
  const clinicId = of(run.world.doctors.find(({ id }) => id === chosen.doctor.id)!.clinicIds, step.whom)
  const body = { startsAt: new Date(start).toISOString(), clinicId }
  const sent = await send(run, client, step, 'PUT', `/appointments/${chosen.id}/reschedule`, body, chosen)
  settle(
    run,
    'reschedule',
    sent,
    [200],
    ['slot_taken', 'patient_busy', 'not_bookable', 'invalid_state', 'validation_failed', 'version_mismatch'],
  )
  const { code } = sent.answer.body
  const refused = { doctorId: chosen.doctor.id, clinicId, patientId: chosen.patient.id, start, movedId: chosen.id }
  if (code === 'slot_taken' || code === 'patient_busy') run.oracle.recordRefusal({ ...sent.span, code, ...refused })
}

async function series(run: Run, client: Client, step: Step): Promise<void> {
  const { world, oracle } = run
  const doctor = of(world.doctors, step.whom)
  const sent = await send(run, client, step, 'POST', '/appointments/series', {
    doctorId: doctor.id,
    clinicId: of(doctor.clinicIds, step.which),
    startsAt: new Date(of(world.times, step.when)).toISOString(),
    every: { weeks: 1 },
    count: 2,
    mode: of(['all_or_nothing', 'what_is_free'] as const, step.which),
    ...(!client.patientId && { patientId: of(world.patients, step.which).id }),
  })
  const { status, body } = sent.answer
  count(run, 'series', sent.answer)
  if (status === 201)
    for (const { appointment } of body.occurrences) if (appointment) oracle.record('book', appointment, sent.span)
  allow(
    run,
    'series',
    sent.answer,
    [201],
    ['slot_taken', 'patient_busy', 'not_bookable', 'validation_failed', 'not_found', 'forbidden'],
  )
}

const MOST_TIME_OFF = 3

async function timeOff(run: Run, client: Client, step: Step): Promise<void> {
  const { world, oracle } = run
  const doctor = client.doctor ?? of(world.doctors, step.whom)
  const by = client.doctor ? client : { actor: of(world.admins, step.whom) }
  const open = oracle.timeOff.filter((off) => off.doctorId === doctor.id && off.surelyTo === Number.POSITIVE_INFINITY)
  if (open.length > 0 && (open.length >= MOST_TIME_OFF || step.careful)) {
    const off = of(open, step.which)
    off.surelyTo = oracle.moment()
    const { answer } = await send(
      run,
      by,
      { ...step, twice: false },
      'DELETE',
      `/doctors/availability/exceptions/${off.id}`,
    )
    return allow(run, 'time off', answer, [204], [])
  }
  const start = of(world.times, step.when)
  const clinicId = of(doctor.clinicIds, step.which)
  const range = { startsAt: new Date(start).toISOString(), endsAt: new Date(start + 40 * MINUTE).toISOString() }
  const body = { doctorId: doctor.id, clinicId, ...range, kind: 'off' }
  const { answer, span } = await send(run, by, step, 'POST', '/doctors/availability/exceptions', body)
  count(run, 'time off', answer)
  allow(run, 'time off', answer, [201], ['validation_failed'])
  if (answer.status !== 201) return
  const { id } = answer.body
  oracle.recordTimeOff({
    id,
    doctorId: doctor.id,
    clinicId,
    start,
    end: start + 40 * MINUTE,
    surelyFrom: span.answered,
  })
}

async function search(run: Run, client: Client, step: Step): Promise<void> {
  const doctor = of(run.world.doctors, step.whom)
  const day = new Date(of(run.world.times, step.when)).toISOString().slice(0, 10)
  const path = `/doctors/${doctor.id}/slots?from=${day}&to=${day}`
  const { answer, span } = await send(run, client, { ...step, twice: false }, 'GET', path)
  allow(run, 'search', answer, [200], [])
  run.oracle.recordOffer({ ...span, doctorId: doctor.id, slots: answer.body.data })
}

/** Counts and records a change, and adds an answer that is not allowed to `faults`. */
function settle(run: Run, as: Change, { answer, span }: Sent, successes: number[], refusals: string[]): void {
  count(run, as, answer)
  if (successes.includes(answer.status)) run.oracle.record(as, answer.body, span)
  allow(run, as, answer, successes, refusals)
}

function count({ outcomes }: Run, as: string, { status, body }: Answer<Body>): void {
  const name = `${as}: ${status < 300 ? 'done' : body.code}`
  outcomes[name] = (outcomes[name] ?? 0) + 1
}

function allow(
  { faults }: Run,
  as: string,
  { status, body, text }: Answer<Body>,
  successes: number[],
  refusals: string[],
) {
  if (!successes.includes(status) && !(status < 500 && refusals.includes(body?.code)))
    faults.push(`${as}: ${status} ${text}`)
}

let keys = 0

/** Sends to one copy, or to two under one idempotency key: then both answer the same, or one `request_in_progress`. */
async function send(
  { world: { copies }, oracle, faults }: Run,
  { actor }: Pick<Client, 'actor'>,
  { copy, twice, careful }: Step,
  method: string,
  path: string,
  body?: object,
  known?: Told,
): Promise<Sent> {
  const keyed = twice && method === 'POST'
  const headers = {
    ...(keyed && { 'idempotency-key': `twice-${++keys}` }),
    ...(careful && known && { 'if-match': `"${known.version}"` }),
  }
  const takers = keyed ? [of(copies, copy), of(copies, copy + 1)] : [of(copies, copy)]
  const sent = oracle.moment()
  const clockSent = Math.min(...takers.map(({ now }) => now()))
  const answers = await Promise.all(takers.map((taker: Copy) => taker.as(actor).call(method, path, body, { headers })))
  const span = {
    sent,
    answered: oracle.moment(),
    clockSent,
    clockAnswered: Math.max(...takers.map(({ now }) => now())),
  }
  const done = answers.filter(({ status }) => status < 300)
  if (new Set(done.map(({ text }) => text)).size > 1)
    faults.push(`two answers to one key: ${done.map(({ text }) => text).join(' and ')}`)
  return { answer: done[0] ?? answers.find(({ body }) => body?.code !== 'request_in_progress') ?? answers[0]!, span }
}

/** Milliseconds after which every current hold has expired by every clock. */
export const settledBy = (holdMinutes: number) => holdMinutes * MINUTE + 2 * SKEW
