import type { Doctor } from './model-world'

const MINUTE = 60_000

export type Status = 'held' | 'booked' | 'checked_in' | 'completed' | 'no_show' | 'cancelled' | 'expired'
/** An appointment as an answer shows it. */
export type Told = {
  id: string
  version: number
  status: Status
  patient: { id: string }
  doctor: { id: string }
  clinic: { id: string }
  room?: { id: string }
  startsAt: string
  endsAt: string
  holdExpiresAt?: string
}
export type Change = 'book' | 'hold' | 'confirm' | 'cancel' | 'reschedule' | 'check-in' | 'complete' | 'no-show'

/** A request: its two moments in the order of all events, and the time of the copy's clock at both. */
export type Span = { sent: number; answered: number; clockSent: number; clockAnswered: number }
type Entry = Span & { change: Change; told: Told }
type Range = { start: number; end: number }
/** A busy range: certain from `surelyFrom` to `surelyTo`, possible from `perhapsFrom` to `perhapsTo`. */
type Stay = Range & {
  id: string
  resourceId: string
  surelyFrom: number
  surelyTo: number
  perhapsFrom: number
  perhapsTo: number
  holdExpiresAt: number
}
export type TimeOff = Range & { id: string; doctorId: string; clinicId: string; surelyFrom: number; surelyTo: number }
type Refusal = Span & {
  code: 'slot_taken' | 'patient_busy'
  doctorId: string
  clinicId: string
  patientId: string
  start: number
  movedId?: string
}
type Offer = Span & { doctorId: string; slots: { startsAt: string; endsAt: string }[] }

const BEFORE_AND_AFTER: Record<Exclude<Change, 'book' | 'hold'>, { from: Status[]; to: Status }> = {
  confirm: { from: ['held'], to: 'booked' },
  cancel: { from: ['held', 'booked'], to: 'cancelled' },
  reschedule: { from: ['booked'], to: 'booked' },
  'check-in': { from: ['booked', 'no_show', 'completed'], to: 'checked_in' },
  complete: { from: ['booked', 'checked_in', 'no_show'], to: 'completed' },
  'no-show': { from: ['booked'], to: 'no_show' },
}
const TAKES_TIME: ReadonlySet<Status> = new Set(['held', 'booked', 'checked_in', 'completed', 'no_show'])

export type FinalRow = {
  id: string
  version: number
  status: Status
  startsAt: Date
  clinicId: string
  roomId: string | null
}

/**
 * Records the events as the clients saw them. `faults()` lists everything that no order of the requests in the database
 * can explain.
 */
export function createOracle({ doctors, roomsOf }: { doctors: Doctor[]; roomsOf: (clinicId: string) => string[] }) {
  let now = 0
  const entries = new Map<string, Entry[]>()
  const timeOff: TimeOff[] = []
  const refusals: Refusal[] = []
  const offers: Offer[] = []
  /** The latest time of any clock, and the moment since which it applies. */
  const clocks: { at: number; latest: number }[] = []

  const doctorOf = (id: string) => doctors.find((doctor) => doctor.id === id)!
  const withBuffers = ({ bufferBeforeMinutes, bufferAfterMinutes }: Doctor, { start, end }: Range) => ({
    start: start - bufferBeforeMinutes * MINUTE,
    end: end + bufferAfterMinutes * MINUTE,
  })
  const historyOf = (list: Entry[]) => list.toSorted((a, b) => a.told.version - b.told.version)
  const histories = () => [...entries.values()].map(historyOf)
  const lapsesAt = (holdExpiresAt: number) =>
    clocks.find(({ latest }) => latest >= holdExpiresAt)?.at ?? Number.POSITIVE_INFINITY

  function stays(): Stay[] {
    return histories().flatMap((history) =>
      history.flatMap(({ told, sent, answered }, i) => {
        if (!TAKES_TIME.has(told.status)) return []
        const next = history[i + 1]
        const visit = { start: Date.parse(told.startsAt), end: Date.parse(told.endsAt) }
        const padded = withBuffers(doctorOf(told.doctor.id), visit)
        const holdExpiresAt = told.status === 'held' ? Date.parse(told.holdExpiresAt!) : Number.POSITIVE_INFINITY
        const certainty = {
          id: told.id,
          surelyFrom: answered,
          surelyTo: Math.min(next?.sent ?? Number.POSITIVE_INFINITY, lapsesAt(holdExpiresAt)),
          perhapsFrom: sent,
          perhapsTo: next?.answered ?? Number.POSITIVE_INFINITY,
          holdExpiresAt,
        }
        return [
          { ...certainty, ...padded, resourceId: told.doctor.id },
          { ...certainty, ...visit, resourceId: told.patient.id },
          ...(told.room ? [{ ...certainty, ...padded, resourceId: told.room.id }] : []),
        ]
      }),
    )
  }

  return {
    /** The next moment: every request, answer and clock change has its own. */
    moment: () => ++now,
    clockSays: (latest: number) => clocks.push({ at: ++now, latest }),
    record(change: Change, told: Told, span: Span) {
      entries.set(told.id, [...(entries.get(told.id) ?? []), { change, told, ...span }])
    },
    recordTimeOff(off: Omit<TimeOff, 'surelyTo'>): TimeOff {
      const added = { ...off, surelyTo: Number.POSITIVE_INFINITY }
      timeOff.push(added)
      return added
    },
    recordRefusal: (refusal: Refusal) => refusals.push(refusal),
    recordOffer: (offer: Offer) => offers.push(offer),
    latest: () => histories().map((history) => history.at(-1)!.told),
    timeOff,
    get changes() {
      return histories().reduce((sum, history) => sum + history.length, 0)
    },

    faults(rows: FinalRow[]): string[] {
      const all = stays()
      return [
        ...histories().flatMap(wrongOrder),
        ...histories().flatMap((history) => wrongMoments(history)),
        ...wrongEnds(new Map(histories().map((history) => [history[0]!.told.id, history.at(-1)!.told])), rows),
        ...clashes(all),
        ...tooManyHolds(histories(), all),
        ...bookedInTimeOff(histories(), timeOff),
        ...refusals.flatMap((refusal) =>
          refusedForNothing(refusal, all, doctorOf(refusal.doctorId), roomsOf(refusal.clinicId), withBuffers),
        ),
        ...offers.flatMap((offer) => offeredThoughTaken(offer, all, withBuffers, doctorOf(offer.doctorId))),
      ]
    },
  }
}

export type Oracle = ReturnType<typeof createOracle>

/** Versions count every change once, fit the status before, and never put a change before one answered earlier. */
function wrongOrder(history: Entry[]): string[] {
  const faults: string[] = []
  history.forEach(({ change, told, sent }, i) => {
    const name = `${told.id} v${told.version} (${change})`
    const before = history[i - 1]
    if (told.version !== i + 1) faults.push(`${name}: not the version that follows`)
    if (change === 'book' || change === 'hold') {
      if (before) faults.push(`${name}: made twice`)
    } else {
      const { from, to } = BEFORE_AND_AFTER[change]
      if (!before || !from.includes(before.told.status)) faults.push(`${name}: after ${before?.told.status}`)
      if (told.status !== to) faults.push(`${name}: became ${told.status}`)
    }
    const late = history.slice(i + 1).find((later) => later.answered < sent)
    if (late) faults.push(`${name}: sent after version ${late.told.version} had been answered`)
  })
  return faults
}

/** The time that the copy read lies between `clockSent` and `clockAnswered`. */
function wrongMoments(history: Entry[]): string[] {
  return history.flatMap(({ change, told, clockSent, clockAnswered }, i) => {
    const before = history[i - 1]?.told
    const wrong =
      (['book', 'hold', 'reschedule'].includes(change) && Date.parse(told.startsAt) <= clockSent && 'into the past') ||
      (change === 'cancel' && Date.parse(before?.startsAt ?? '') <= clockSent && 'after the start') ||
      (change === 'confirm' && Date.parse(before?.holdExpiresAt ?? '') <= clockSent && 'of an expired hold') ||
      (change === 'no-show' && Date.parse(told.startsAt) > clockAnswered && 'before the start') ||
      (change === 'complete' && Date.parse(told.startsAt) > clockAnswered && 'before the start')
    return wrong ? [`${told.id} v${told.version}: ${change} ${wrong}`] : []
  })
}

/** The stored row equals the last answer, except that a hold may have expired since, which no answer shows. */
function wrongEnds(latest: Map<string, Told>, rows: FinalRow[]): string[] {
  const stored = new Map(rows.map((row) => [row.id, row]))
  const lost = [...latest.keys()].filter((id) => !stored.has(id)).map((id) => `${id}: lost`)
  return lost.concat(
    rows.flatMap((row) => {
      const told = latest.get(row.id)
      if (!told) return [`${row.id}: in no answer`]
      const expired = told.status === 'held' && row.status === 'expired' && row.version === told.version + 1
      const same =
        row.version === told.version &&
        row.status === told.status &&
        row.startsAt.getTime() === Date.parse(told.startsAt) &&
        row.clinicId === told.clinic.id &&
        row.roomId === (told.room?.id ?? null)
      return expired || same ? [] : [`${row.id}: stored ${JSON.stringify(row)}, told ${JSON.stringify(told)}`]
    }),
  )
}

const meet = (a: Range, b: Range) => a.start < b.end && b.start < a.end

/** At no moment do two appointments have the same time of a doctor, patient or room. */
function clashes(stays: Stay[]): string[] {
  return [...Map.groupBy(stays, ({ resourceId }) => resourceId).values()].flatMap((ofOne) =>
    ofOne.flatMap((a, i) =>
      ofOne.slice(i + 1).flatMap((b) => {
        const atOnce = Math.max(a.surelyFrom, b.surelyFrom) < Math.min(a.surelyTo, b.surelyTo)
        return a.id !== b.id && atOnce && meet(a, b) ? [`${a.resourceId}: ${a.id} and ${b.id} at the same time`] : []
      }),
    ),
  )
}

const MAX_HOLDS = 3

function tooManyHolds(histories: Entry[][], stays: Stay[]): string[] {
  const patients = new Set(histories.map(([first]) => first!.told.patient.id))
  const holds = stays.filter(
    ({ resourceId, holdExpiresAt }) => patients.has(resourceId) && Number.isFinite(holdExpiresAt),
  )
  return holds.flatMap((one) => {
    const same = holds.filter((other) => other.resourceId === one.resourceId)
    const atOnce = same.filter((other) => other.surelyFrom <= one.surelyFrom && one.surelyFrom < other.surelyTo)
    return atOnce.length > MAX_HOLDS && one.surelyFrom < one.surelyTo
      ? [`${one.resourceId}: ${atOnce.length} holds at once`]
      : []
  })
}

function bookedInTimeOff(histories: Entry[][], timeOff: TimeOff[]): string[] {
  return histories.flat().flatMap(({ change, told, sent, answered }) => {
    if (!['book', 'hold', 'reschedule'].includes(change)) return []
    const visit = { start: Date.parse(told.startsAt), end: Date.parse(told.endsAt) }
    const off = timeOff.find(
      (off) =>
        off.doctorId === told.doctor.id &&
        off.clinicId === told.clinic.id &&
        off.surelyFrom < sent &&
        answered < off.surelyTo &&
        meet(off, visit),
    )
    return off ? [`${told.id} v${told.version}: into time off`] : []
  })
}

/** A refused time was, or may have been, taken by another appointment at some moment during the request. */
function refusedForNothing(
  { code, doctorId, patientId, start, sent, answered, clockSent, movedId }: Refusal,
  stays: Stay[],
  doctor: Doctor,
  roomIds: string[],
  withBuffers: (doctor: Doctor, visit: Range) => Range,
): string[] {
  const visit = { start, end: start + doctor.durationMinutes * MINUTE }
  const padded = withBuffers(doctor, visit)
  const isTaken = (resourceId: string, range: Range) =>
    stays.some(
      (stay) =>
        stay.resourceId === resourceId &&
        stay.id !== movedId &&
        stay.perhapsFrom < answered &&
        sent < stay.perhapsTo &&
        clockSent < stay.holdExpiresAt &&
        meet(stay, range),
    )
  const explained =
    code === 'patient_busy'
      ? isTaken(patientId, visit)
      : isTaken(doctorId, padded) || (doctor.requiresRoom && roomIds.every((id) => isTaken(id, padded)))
  return explained ? [] : [`${code} at ${new Date(start).toISOString()} of ${doctorId} though nothing is there`]
}

function offeredThoughTaken(
  { doctorId, slots, sent, answered }: Offer,
  stays: Stay[],
  withBuffers: (doctor: Doctor, visit: Range) => Range,
  doctor: Doctor,
): string[] {
  const taken = stays.filter(
    (stay) => stay.resourceId === doctorId && stay.surelyFrom < sent && answered < stay.surelyTo,
  )
  return slots.flatMap(({ startsAt, endsAt }) => {
    const range = withBuffers(doctor, { start: Date.parse(startsAt), end: Date.parse(endsAt) })
    const clash = taken.find((stay) => meet(stay, range))
    return clash ? [`${startsAt} of ${doctorId} offered though ${clash.id} is there`] : []
  })
}
