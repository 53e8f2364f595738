import { appendAuditEvent } from '../../database/audit-outbox'
import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { createRouter } from '../../http/operations/router'
import { formatInstant } from '../../http/schemas'
import { presentAppointment } from '../present'
import type { AppointmentRow } from '../queries'
import { READABLE_SERIES } from '../replay'
import { auditBusyPatient, busyPatientEvent } from '../start-refused'
import { BookSeries, SERIES_CONFLICTS, Series, SeriesConflict } from './schemas'
import { bookSeries } from './service'

const bookSeriesOperation = operation({
  method: 'post',
  path: '/appointments/series',
  tag: 'Appointments',
  operationId: 'bookSeries',
  summary: 'Book a weekly series',
  description:
    'Visits at the same local time of the clinic, every so many weeks. All rules of the doctor apply to each visit, the horizon too. ' +
    '`all_or_nothing` books every visit or none; a 409 reports the conflicts. `what_is_free` books the visits that are free. `dryRun` books nothing and only reports (200). ' +
    'A series that is paid in advance and has more visits than the patient may have holds is refused as a whole (409 `invalid_state`).',
  access: ['patient', 'doctor', 'admin'],
  who: 'patients for themselves and their wards; doctors with themselves, for patients they may see; admins for anyone; doctors and admins name `patientId`',
  audit: { kind: 'appointment.book_series', action: 'C' },
  body: BookSeries,
  answer: {
    status: 201,
    description: 'The visits, booked or not; Location lists the appointments',
    schema: Series,
    headers: ['Location'],
    or: { status: 200, description: 'The report of a dry run' },
  },
  problems: [
    'forbidden',
    'not_found',
    'slot_taken',
    'patient_busy',
    'not_bookable',
    'invalid_state',
    'too_many_upcoming',
  ],
  problemSchemas: { 409: SeriesConflict },
  problemExamples: SERIES_CONFLICTS,
})

export function seriesRoutes(deps: Deps) {
  const { app, mutation } = createRouter(deps)

  mutation(bookSeriesOperation, READABLE_SERIES, {
    limiter: ({ body }) => [deps.bookingLimiter, body.doctorId],
    run: async (ctx, { body }) => {
      const { patientId, occurrences, busy } = await bookSeries(ctx, body)
      const denied = busy && busyPatientEvent(ctx, bookSeriesOperation.audit!, busy)
      if (denied) await appendAuditEvent(ctx.db, denied)
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
    explainRefusal: async (ctx, _input, error) => {
      await auditBusyPatient(ctx, bookSeriesOperation.audit!, error)
      return error
    },
  })

  return app
}

/** The reason of an override stays with the appointments. */
const overridden = ({ override }: BookSeries) => override && { override: override.join(',') }

/** The address of a list, since a series has none of its own. At least one visit was booked: otherwise bookSeries throws. */
function locate(booked: AppointmentRow[]): string {
  const [first, last] = [booked[0]!, booked.at(-1)!]
  const { doctorId, patientId } = first
  return `/appointments?${new URLSearchParams({ doctorId, patientId, from: first.date, to: last.date })}`
}
