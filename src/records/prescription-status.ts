import type { PrescriptionDocument } from './collections'

/** `ended`: every medicine has been taken for as long as it was meant to be. */
export type PrescriptionStatus = 'active' | 'ended' | 'stopped'

type Course = Pick<PrescriptionDocument, 'createdAt' | 'events'> & { medicines: { durationDays: number }[] }

const DAY = 86_400_000

/** Days are those of UTC, as `YYYY-MM-DD`. */
export const dayOf = (instant: Date): string => instant.toISOString().slice(0, 10)
const addDays = (day: string, days: number): string => dayOf(new Date(Date.parse(day) + days * DAY))

/** The last day that a renewal may name. */
export const lastDayAhead = (today: string): string => addDays(today, 3650)

/**
 * What a prescription is on a day, by all that had happened to it when that day ended; undefined before the day it was
 * written. `until` is its last active day as things then stood.
 *
 * It runs from the day of writing for as many days as its longest medicine. A renewal makes it run that long again from the
 * day of renewal, or until the day it names, and never makes it end sooner; stopping it ends it with the day before. What
 * came later counts: one that was stopped can be renewed.
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
  // In the order in which they took effect, which is that of the list.
  for (const { kind, at, until: named } of events) {
    const happened = dayOf(at)
    if (happened > day) continue
    stopped = kind === 'stopped'
    const [cut, extended] = [addDays(happened, -1), named ?? addDays(happened, runs)]
    if (stopped ? cut < until : extended > until) until = stopped ? cut : extended
  }
  return { status: stopped ? 'stopped' : day <= until ? 'active' : 'ended', until }
}

/** Of one that is active, ended or renewed; one that is stopped cannot be stopped again. */
export const canStop = ({ events = [] }: Pick<Course, 'events'>) => events.at(-1)?.kind !== 'stopped'
