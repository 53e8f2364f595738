import { z } from '@hono/zod-openapi'
import { Instant, Problem } from '../../http/schemas'
import { Appointment, BookAppointment } from '../schemas'

const MAX_OCCURRENCES = 26

export const BookSeries = BookAppointment.omit({ hold: true })
  .extend({
    every: z.strictObject({ weeks: z.int().min(1).max(8) }),
    count: z.int().min(2).max(MAX_OCCURRENCES).openapi({ description: 'How many visits, the first included.' }),
    mode: z.enum(['all_or_nothing', 'what_is_free']),
    dryRun: z.literal(true).optional().openapi({ description: 'Only reports which visits could be booked.' }),
  })
  .openapi('BookSeries', {
    example: {
      doctorId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20',
      startsAt: '2026-03-02T09:00:00-05:00',
      every: { weeks: 1 },
      count: 6,
      mode: 'all_or_nothing',
    },
  })
export type BookSeries = z.output<typeof BookSeries>

export const SeriesProblem = z
  .object({ code: z.enum(['slot_taken', 'patient_busy', 'not_bookable']), detail: z.string().max(2000) })
  .openapi('SeriesProblem', { example: { code: 'slot_taken', detail: 'This time is taken.' } })
export type SeriesProblem = z.infer<typeof SeriesProblem>

export const SeriesOccurrence = z
  .object({
    startsAt: Instant,
    appointment: Appointment.optional().openapi({ description: 'The booked appointment.' }),
    problem: SeriesProblem.optional().openapi({ description: 'Why it cannot be booked.' }),
  })
  .openapi('SeriesOccurrence', {
    description: 'Without appointment and problem: free, but not booked.',
    example: { startsAt: '2026-03-02T14:00:00Z' },
  })
export type SeriesOccurrence = z.infer<typeof SeriesOccurrence>

const occurrences = z.array(SeriesOccurrence).max(MAX_OCCURRENCES)

const REPORT = {
  occurrences: [
    { startsAt: '2026-03-02T14:00:00Z' },
    { startsAt: '2026-03-09T13:00:00Z', problem: { code: 'slot_taken', detail: 'This time is taken.' } },
  ],
}

export const Series = z.object({ occurrences }).openapi('Series', { example: REPORT })

export const SeriesConflict = Problem.extend({
  occurrences: occurrences.optional().openapi({ description: 'The same report as a dry run; nothing is booked.' }),
}).openapi('SeriesConflict')

export const SERIES_CONFLICTS = { slot_taken: REPORT, patient_busy: REPORT, not_bookable: REPORT }
