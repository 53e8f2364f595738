import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { answerAppointment } from './answers'
import { bookAppointment, offerAlternatives } from './book'
import { cancelAppointment, quoteCancellation } from './cancel'
import { findAppointmentById } from './queries'
import {
  Appointment,
  AppointmentPage,
  AppointmentPath,
  BookAppointment,
  BookingConflict,
  CancelAppointment,
  CancellationQuote,
  ListAppointmentsQuery,
} from './schemas'
import { listAppointments } from './service'

const WHO = 'patients their own and those of patients they are guardian of, doctors those they hold, admins'

const bookAppointmentOperation = operation({
  method: 'post',
  path: '/appointments',
  tag: 'Appointments',
  operationId: 'bookAppointment',
  summary: 'Book an appointment',
  description:
    'Any free time that the search offers can be booked, by exactly one patient. ' +
    'With `hold` it is only taken until it is confirmed, for a few minutes; a patient can hold three times at once (409 `invalid_state`). ' +
    'A time that is taken, or at which the patient is busy, is answered with the nearest alternatives; one that the doctor does not offer, with the rules that say why.',
  access: ['patient', 'doctor', 'admin'],
  who: 'patients for themselves and those they are guardian of, doctors for patients related to them and with themselves only, admins for anyone; doctors and admins name `patientId`',
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
        description: 'Cancels it, until it starts.',
      },
      confirm: {
        operationId: 'confirmHold',
        parameters: { id: '$response.body#/id' },
        description: 'Makes a hold a booking.',
      },
      pay: {
        operationId: 'createPayment',
        requestBody: { appointmentId: '$response.body#/id', method: 'cash' },
        description: 'Begins its payment.',
      },
    },
  },
  problems: ['forbidden', 'not_found', 'slot_taken', 'patient_busy', 'not_bookable', 'invalid_state'],
  problemSchemas: { 409: BookingConflict },
})

const listAppointmentsOperation = operation({
  method: 'get',
  path: '/appointments',
  tag: 'Appointments',
  operationId: 'listAppointments',
  summary: 'List appointments',
  description: 'By start, all but expired holds unless `status` asks for them. Filters only narrow what is yours.',
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
  description: 'With its terms as they were at booking and its payment.',
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
    'Until it starts. The time is free again at once, and a payment that is still pending becomes `cancelled`.',
  access: ['patient', 'doctor', 'admin'],
  who: WHO,
  audit: { kind: 'appointment.cancel', action: 'U' },
  params: AppointmentPath,
  body: CancelAppointment,
  answer: { status: 200, description: 'The appointment, cancelled', schema: Appointment, headers: ['ETag'] },
  problems: ['invalid_state'],
})

const quoteCancellationOperation = operation({
  method: 'get',
  path: '/appointments/{id}/cancellation-quote',
  tag: 'Appointments',
  operationId: 'quoteCancellation',
  summary: 'Ask what cancelling would mean',
  description:
    'Patients get the whole price back up to `freeUntilMinutes` before the start, and the share `lateRefundPercent` later; when the clinic cancels, all of it. Changes nothing.',
  access: ['patient', 'doctor', 'admin'],
  who: WHO,
  audit: { kind: 'appointment.quote_cancellation', action: 'R' },
  params: AppointmentPath,
  answer: { status: 200, description: 'Whether it can be cancelled now, and the refund', schema: CancellationQuote },
})

export function appointmentRoutes(deps: Deps) {
  const { app, read, readOne, mutation } = createRouter(deps)

  mutation(bookAppointmentOperation, {
    limiter: ({ body }) => [deps.bookingLimiter, body.doctorId],
    run: async (ctx, { body }) => {
      const appointment = await bookAppointment(ctx, body)
      return {
        ...answerAppointment(ctx, appointment, detailOf(body)),
        location: `/appointments/${appointment.id}`,
      }
    },
    explainRefusal: (ctx, { body }, error) => offerAlternatives(ctx, body, error),
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

  mutation(cancelAppointmentOperation, async (ctx, { params, body, ifMatch }) =>
    answerAppointment(ctx, await cancelAppointment(ctx, params.id, body, ifMatch)),
  )

  readOne(quoteCancellationOperation, {
    find: findAppointmentById,
    thing: 'appointment',
    answer: (ctx, appointment) => answer(quoteCancellation(ctx, appointment)),
  })

  return app
}

/** For the audit trail: what was out of the ordinary. The reason of an override stays with the appointment. */
function detailOf({ hold, override }: BookAppointment) {
  if (!hold && !override) return undefined
  return { ...(hold && { hold }), ...(override && { override: override.join(',') }) }
}
