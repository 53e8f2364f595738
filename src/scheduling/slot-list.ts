import { type DoctorFacts, timesOf, visitAt } from './facts'
import { MINUTE, remembered } from './local-time'
import type { BookableStart } from './slots'

// A month of quarter hours, and more, for the zones and durations that are asked for most.
const TIMES_KEPT = 5_000
const DURATIONS_KEPT = 5
const ZONES_KEPT = 10

/**
 * The JSON of a `SlotList`, as bytes. A month of slots is a text of 100 KiB, and making it of objects took most of the time
 * of a search: here what a doctor's slots have in common is written once, and so are the times, for all doctors.
 */
export function writeSlotList(facts: DoctorFacts | undefined, starts: BookableStart[]): Uint8Array {
  // Only ever added to: whatever else is done to a long text copies it.
  let text = '{"data":['
  if (facts) {
    const duration = facts.scheduling.visit.durationMinutes * MINUTE
    const clinics = new Map(
      facts.clinics.map(({ id, timeZone }) => [
        id,
        { visit: `${JSON.stringify(visitAt(facts, id)).slice(0, -1)},`, times: timesIn(timeZone)(duration) },
      ]),
    )
    let comma = ''
    for (const { clinicId, start } of starts) {
      const { visit, times } = clinics.get(clinicId)!
      text = `${text}${comma}${visit}${times(start)}`
      comma = ','
    }
  }
  return encoder.encode(`${text}],"nextCursor":null}`)
}

const encoder = new TextEncoder()

const timesIn = remembered(ZONES_KEPT, (timeZone: string) =>
  remembered(DURATIONS_KEPT, (duration: number) =>
    remembered(TIMES_KEPT, (start: number) => JSON.stringify(timesOf(start, start + duration, timeZone)).slice(1)),
  ),
)
