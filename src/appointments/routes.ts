import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { bookAppointment, offerAlternatives } from './book'
import { cancelAppointment } from './cancel'
import { refuseEarly, rememberRefusal } from './early-refusal'
import { listAppointments } from './list'
import { answerAppointment } from './present'
import { findAppointmentById } from './queries'
import { findAppointmentToQuote } from './quotes/queries'
import { quoteCancellation } from './quotes/service'
import { READABLE_APPOINTMENT } from './replay'
import {
  Appointment,
  AppointmentPage,
  AppointmentPath,
  BOOKING_CONFLICTS,
  BookAppointment,
  BookingConflict,
  CancelAppointment,
  CancellationQuote,
  ListAppointmentsQuery,
} from './schemas'
import { auditBusyPatient, StartRefused } from './start-refused'

const WHO = 'patients their own and their wards’; doctors their own; admins all'

const bookAppointmentOperation = operation({
  method: 'post',
  path: '/appointments',
  tag: 'Appointments',
  operationId: 'bookAppointment',
  summary: 'Book an appointment',
  description:
    'Every slot that the search offers can be booked, by one patient only. ' +
    'With `hold` the time is held for a few minutes, until the hold is confirmed; a patient can have three holds at once (409 `invalid_state`). ' +
    'The number of visits to come that patients make themselves is limited (409 `too_many_upcoming`). ' +
    'If the time is taken or the patient is busy, the 409 lists the nearest alternatives; if the doctor does not offer it, it lists the rules and which of them fail.',
  access: ['patient', 'doctor', 'admin'],
  who: 'patients for themselves and their wards; doctors with themselves, for patients they may see; admins for anyone; doctors and admins name `patientId`',
  audit: { kind: 'appointment.book', action: 'C' },
  body: BookAppointment,
  answer: {
    status: 201,
    description: 'The appointment',
    schema: Appointment,
    headers: ['ETag', 'Location'],
    links: {
      read: {
        operationId: 'getAppointment',
        parameters: { id: '$response.body#/id' },
        description: 'Reads the appointment.',
      },
      cancel: {
        operationId: 'cancelAppointment',
        parameters: { id: '$response.body#/id' },
        description: 'Cancels the appointment, until it starts.',
      },
      confirm: {
        operationId: 'confirmHold',
        parameters: { id: '$response.body#/id' },
        description: 'Makes a hold a booking.',
      },
      pay: {
        operationId: 'createPayment',
        requestBody: { appointmentId: '$response.body#/id', method: 'cash' },
        description: 'Starts its payment.',
      },
    },
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
  problemSchemas: { 409: BookingConflict },
  problemExamples: BOOKING_CONFLICTS,
})

const listAppointmentsOperation = operation({
  method: 'get',
  path: '/appointments',
  tag: 'Appointments',
  operationId: 'listAppointments',
  summary: 'List appointments',
  description:
    'Sorted by start. Expired holds are left out unless `status` names them. Filters never show appointments that the caller may not see.',
  access: ['patient', 'doctor', 'admin'],
  who: WHO,
  audit: { kind: 'appointment.list', action: 'R' },
  query: ListAppointmentsQuery,
  answer: { status: 200, description: 'A page of appointments', schema: AppointmentPage },
})

const getAppointmentOperation = operation({
  method: 'get',
  path: '/appointments/{id}',
  tag: 'Appointments',
  operationId: 'getAppointment',
  summary: 'Read an appointment',
  description: 'With its payment and its terms as they were at booking.',
  access: ['patient', 'doctor', 'admin'],
  who: WHO,
  audit: { kind: 'appointment.read', action: 'R' },
  params: AppointmentPath,
  answer: { status: 200, description: 'The appointment', schema: Appointment, headers: ['ETag'] },
})

const cancelAppointmentOperation = operation({
  method: 'put',
  path: '/appointments/{id}/cancel',
  tag: 'Appointments',
  operationId: 'cancelAppointment',
  summary: 'Cancel an appointment',
  description:
    'Possible until it starts. The time is free again at once. A pending payment becomes `cancelled`; a paid one is refunded by the cancellation policy.',
  access: ['patient', 'doctor', 'admin'],
  who: WHO,
  audit: { kind: 'appointment.cancel', action: 'U' },
  params: AppointmentPath,
  body: CancelAppointment,
  answer: { status: 200, description: 'The cancelled appointment', schema: Appointment, headers: ['ETag'] },
  problems: ['invalid_state'],
})

const quoteCancellationOperation = operation({
  method: 'get',
  path: '/appointments/{id}/cancellation-quote',
  tag: 'Appointments',
  operationId: 'quoteCancellation',
  summary: 'Quote a cancellation',
  description:
    'What a cancellation by the caller would refund now: of what was paid, the share of the price that the policy leaves to the patient, minus earlier refunds. ' +
    'The share is the whole price until `freeUntilMinutes` before the start, later `lateRefundPercent` of it; a patient who moves the visit after that time gains no new one. If the clinic cancels it is always the whole price. Changes nothing.',
  access: ['patient', 'doctor', 'admin'],
  who: WHO,
  audit: { kind: 'appointment.quote_cancellation', action: 'R' },
  params: AppointmentPath,
  answer: { status: 200, description: 'Whether the caller can cancel now, and the refund', schema: CancellationQuote },
})

export function appointmentRoutes(deps: Deps) {
  const { app, read, readOne, mutation } = createRouter(deps)

  mutation(bookAppointmentOperation, READABLE_APPOINTMENT, {
    limiter: ({ body }) => [deps.bookingLimiter, body.doctorId],
    refuseEarly: (ctx, { body }, isRetry) => refuseEarly(ctx, body, isRetry),
    run: async (ctx, { body }) => {
      const appointment = await bookAppointment(ctx, body)
      return {
        ...answerAppointment(ctx, appointment, detailOf(body)),
        location: `/appointments/${appointment.id}`,
      }
    },
    explainRefusal: async (ctx, { body }, error) => {
      if (error instanceof StartRefused) rememberRefusal(ctx, body)
      await auditBusyPatient(ctx, bookAppointmentOperation.audit!, error)
      return offerAlternatives(ctx, body, error)
    },
  })

  read(listAppointmentsOperation, async (ctx, { query }) => {
    const { page, patientIds } = await listAppointments(ctx, query)
    return answer(page, { audit: { patientIds } })
  })

  readOne(getAppointmentOperation, {
    find: findAppointmentById,
    thing: 'appointment',
    answer: (ctx, row) => answerAppointment(ctx, row),
  })

  mutation(cancelAppointmentOperation, READABLE_APPOINTMENT, async (ctx, { params, body, ifMatch }) =>
    answerAppointment(ctx, await cancelAppointment(ctx, params.id, body, ifMatch)),
  )

  readOne(quoteCancellationOperation, {
    find: findAppointmentToQuote,
    thing: 'appointment',
    answer: (ctx, appointment) => answer(quoteCancellation(ctx, appointment)),
  })

  return app
}

/** Audit details of a hold or an override; the reason of an override is stored with the appointment only. */
function detailOf({ hold, override }: BookAppointment) {
  if (!hold && !override) return undefined
  return { ...(hold && { hold }), ...(override && { override: override.join(',') }) }
}
