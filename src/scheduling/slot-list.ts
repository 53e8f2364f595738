import { type DoctorFacts, timesOf, visitAt } from './facts'
import { MINUTE, remembered } from './local-time'
import type { BookableStart } from './slots'

const encoder = new TextEncoder()
const encode = (text: string) => encoder.encode(text)

const BEFORE = encode('{"data":[')
const AFTER = encode('],"nextCursor":null}')

// A month of quarter hours, and more, for the zones and durations that are asked for most.
const TIMES_KEPT = 5_000
const DURATIONS_KEPT = 5
const ZONES_KEPT = 10

/**
 * The JSON of a `SlotList`, as bytes. A month of slots is a text of 100 KiB, and making it of objects took most of the time
 * of a search: here what a doctor's slots have in common is written once, and so are the times, for all doctors.
 */
export function writeSlotList(facts: DoctorFacts | undefined, starts: BookableStart[]): Uint8Array {
  const pieces = [BEFORE]
  if (facts) {
    const duration = facts.scheduling.visit.durationMinutes * MINUTE
    const clinics = new Map(
      facts.clinics.map(({ id, timeZone }) => [
        id,
        { visit: encode(`,${JSON.stringify(visitAt(facts, id)).slice(0, -1)},`), times: timesIn(timeZone)(duration) },
      ]),
    )
    for (const { clinicId, start } of starts) {
      const { visit, times } = clinics.get(clinicId)!
      // No comma before the first.
      pieces.push(pieces.length === 1 ? visit.subarray(1) : visit, times(start))
    }
  }
  pieces.push(AFTER)
  return joined(pieces)
}

const timesIn = remembered(ZONES_KEPT, (timeZone: string) =>
  remembered(DURATIONS_KEPT, (duration: number) =>
    remembered(TIMES_KEPT, (start: number) =>
      encode(JSON.stringify(timesOf(start, start + duration, timeZone)).slice(1)),
    ),
  ),
)

function joined(pieces: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}
