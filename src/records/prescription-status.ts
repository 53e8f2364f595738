import type { ClockRule } from '../errors'
import type { PrescriptionDocument } from './collections'

/** `ended`: the durations of all medicines are over. */
export type PrescriptionStatus = 'active' | 'ended' | 'stopped'

type Course = Pick<PrescriptionDocument, 'createdAt' | 'events'> & { medicines: { durationDays: number }[] }

const DAY = 86_400_000

/** The UTC day, as `YYYY-MM-DD`. */
export const dayOf = (instant: Date): string => instant.toISOString().slice(0, 10)
const addDays = (day: string, days: number): string => dayOf(new Date(Date.parse(day) + days * DAY))

/** A renewal lasts until today at least, and ten years at most. */
export const renewable: ClockRule<string> = (day, now) => {
  if (day < dayOf(now)) return 'must not lie in the past'
  return day > addDays(dayOf(now), 3650) ? 'must not lie more than ten years ahead' : undefined
}

/**
 * The status of a prescription on a UTC day and its last active day (`until`), by the events up to the end of that day;
 * undefined before the day it was written.
 *
 * It runs from the day of writing for as many days as its longest medicine. A renewal makes it run that long again from
 * the day of renewal, or until the day it names, and never makes it end sooner. A stop ends it with the day before. Later
 * events override earlier ones: a stopped prescription can be renewed.
 */
export function statusOn(
  { createdAt, medicines, events = [] }: Course,
  day: string,
): { status: PrescriptionStatus; until: string } | undefined {
  const begins = dayOf(createdAt)
  if (day < begins) return undefined
  const runs = Math.max(...medicines.map(({ durationDays }) => durationDays)) - 1
  let until = addDays(begins, runs)
  let stopped = false
  // The list is in the order in which the events took effect.
  for (const { kind, at, until: named } of events) {
    const happened = dayOf(at)
    if (happened > day) continue
    stopped = kind === 'stopped'
    const [cut, extended] = [addDays(happened, -1), named ?? addDays(happened, runs)]
    if (stopped ? cut < until : extended > until) until = stopped ? cut : extended
  }
  return { status: stopped ? 'stopped' : day <= until ? 'active' : 'ended', until }
}

/** Every prescription can be stopped unless its last event is a stop. */
export const canStop = ({ events = [] }: Pick<Course, 'events'>) => events.at(-1)?.kind !== 'stopped'
