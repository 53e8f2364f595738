import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { createRouter } from '../../http/operations/router'
import { formatInstant } from '../../http/schemas'
import type { AppointmentRow } from '../queries'
import { presentAppointment } from '../service'
import { BookSeries, Series, SeriesConflict } from './schemas'
import { bookSeries } from './service'

const bookSeriesOperation = operation({
  method: 'post',
  path: '/appointments/series',
  tag: 'Appointments',
  operationId: 'bookSeries',
  summary: 'Book a weekly series',
  description:
    "At the same local time of the clinic every so many weeks, whatever the clocks do in between. The doctor's rules count for each occurrence, the horizon included. " +
    '`all_or_nothing` books all or, with a report of what stands in the way, none (409); `what_is_free` books those that can be had. `dryRun` only reports (200).',
  access: ['patient', 'doctor', 'admin'],
  who: 'patients for themselves and those they are guardian of, doctors for patients related to them and with themselves only, admins for anyone; doctors and admins name `patientId`',
  audit: { kind: 'appointment.book_series', action: 'C' },
  body: BookSeries,
  answer: {
    status: 201,
    description: 'What was booked, and what was not; Location lists the appointments',
    schema: Series,
    headers: ['Location'],
    or: { status: 200, description: 'Of a dry run: what would be booked' },
  },
  problems: ['forbidden', 'not_found', 'slot_taken', 'patient_busy', 'not_bookable'],
  problemSchemas: { 409: SeriesConflict },
})

export function seriesRoutes(deps: Deps) {
  const { app, mutation } = createRouter(deps)

  mutation(bookSeriesOperation, {
    limiter: ({ body }) => [deps.bookingLimiter, body.doctorId],
    run: async (ctx, { body }) => {
      const { patientId, occurrences } = await bookSeries(ctx, body)
      const booked = occurrences.flatMap(({ appointment }) => appointment ?? [])
      const report = occurrences.map(({ startsAt, appointment, problem }) => ({
        startsAt: formatInstant(startsAt),
        ...(appointment && { appointment: presentAppointment(appointment, ctx.actor) }),
        ...(problem && { problem }),
      }))
      const detail = { count: booked.length, ...(body.dryRun && { dryRun: true }), ...overridden(body) }
      const rest = { audit: { patientIds: [patientId], detail } }
      return answer(
        { occurrences: report },
        body.dryRun ? { status: 200, ...rest } : { location: locate(booked), ...rest },
      )
    },
  })

  return app
}

/** The reason of an override stays with the appointments. */
const overridden = ({ override }: BookSeries) => override && { override: override.join(',') }

/** Of a list, since a series has no address of its own. Something was booked, or it would have been refused. */
function locate(booked: AppointmentRow[]): string {
  const [first, last] = [booked[0]!, booked.at(-1)!]
  const { doctorId, patientId } = first
  return `/appointments?${new URLSearchParams({ doctorId, patientId, from: first.date, to: last.date })}`
}
