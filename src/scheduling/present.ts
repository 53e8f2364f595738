import type { DoctorFacts } from './facts'
import { localStart, MINUTE, remembered, utcOf } from './local-time'
import type { Slot } from './schemas'
import type { BookableStart } from './slots'

export function presentSlot(facts: DoctorFacts, { clinicId, start, end }: BookableStart): Slot {
  // A bookable start lies in one of the doctor's calendars, and each of these is a clinic's.
  const { timeZone } = facts.clinics.find(({ id }) => id === clinicId)!
  return { ...visitAt(facts, clinicId), ...timesOf(start, end, timeZone) }
}

/** The fields that all slots of a doctor at one clinic share. */
const visitAt = ({ doctor, visitType }: DoctorFacts, clinicId: string) => ({
  doctorId: doctor.id,
  doctorName: doctor.name,
  clinicId,
  visitTypeId: visitType.id,
})

const timesOf = (start: number, end: number, timeZone: string) => ({
  startsAt: utcOf(start),
  endsAt: utcOf(end),
  localStart: localStart(start, timeZone),
})

// A month of quarter hours, and more, for the zones and durations that are searched most.
const TIMES_KEPT = 5_000
const DURATIONS_KEPT = 5
const ZONES_KEPT = 10

/**
 * The JSON of a `SlotList`, as bytes. A month of slots is 100 KiB of text, and building it from objects took most of the time
 * of a search: the fields that a doctor's slots share are written once, and the texts of times are kept for all doctors.
 */
export function writeSlotList(facts: DoctorFacts | undefined, starts: BookableStart[]): Uint8Array {
  // Only ever appended to: anything else copies a long text.
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
