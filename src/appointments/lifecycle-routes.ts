import type { Deps } from '../deps'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { confirmHold } from './holds/service'
import { answerAppointment } from './present'
import { progressAppointment, undoCheckIn } from './progress'
import { READABLE_APPOINTMENT } from './replay'
import { offerOtherTimes, rescheduleAppointment } from './reschedule'
import {
  Appointment,
  AppointmentPath,
  BOOKING_CONFLICTS,
  BookingConflict,
  ProgressAppointment,
  RescheduleAppointment,
  UndoCheckIn,
} from './schemas'
import { auditBusyPatient } from './start-refused'

const STAFF = 'doctors for their own appointments, admins'

const confirmHoldOperation = operation({
  method: 'put',
  path: '/appointments/{id}/confirm',
  tag: 'Appointments',
  operationId: 'confirmHold',
  summary: 'Confirm a hold',
  description:
    'The hold becomes a booking, on the terms it was held with. An expired hold cannot be confirmed (409 `hold_expired`), nor one with a doctor whose account is disabled (409 `not_bookable`).',
  access: ['patient', 'doctor', 'admin'],
  who: 'the patient, a guardian, and the user who made the hold',
  audit: { kind: 'appointment.confirm', action: 'U' },
  params: AppointmentPath,
  answer: { status: 200, description: 'The booked appointment', schema: Appointment, headers: ['ETag'] },
  problems: ['forbidden', 'hold_expired', 'invalid_state', 'not_bookable'],
})

const rescheduleOperation = operation({
  method: 'put',
  path: '/appointments/{id}/reschedule',
  tag: 'Appointments',
  operationId: 'rescheduleAppointment',
  summary: 'Reschedule an appointment',
  description:
    'For a booking that has not started; the doctor stays the same. Either it is moved or nothing changes. It keeps its id, price, cancellation policy and duration. ' +
    'Conflicts are reported as in booking; the alternatives are times to which this appointment can be moved.',
  access: ['patient', 'doctor', 'admin'],
  who: 'patients their own and their wards’; doctors their own; admins all',
  audit: { kind: 'appointment.reschedule', action: 'U' },
  params: AppointmentPath,
  body: RescheduleAppointment,
  answer: {
    status: 200,
    description: 'The appointment at its new time',
    schema: Appointment,
    headers: ['ETag'],
  },
  problems: ['invalid_state', 'slot_taken', 'patient_busy', 'not_bookable'],
  problemSchemas: { 409: BookingConflict },
  problemExamples: BOOKING_CONFLICTS,
})

const checkInOperation = operation({
  method: 'put',
  path: '/appointments/{id}/check-in',
  tag: 'Appointments',
  operationId: 'checkInAppointment',
  summary: 'Check in a patient',
  description:
    'For a booking, on the local day of the visit (from two hours before the start if that is earlier, to the end of the day on which it ends). ' +
    'In the same time it also undoes a completion or no-show that was marked by mistake; then `reason` is required.',
  access: ['doctor', 'admin'],
  who: STAFF,
  audit: { kind: 'appointment.check_in', action: 'U' },
  params: AppointmentPath,
  body: ProgressAppointment,
  answer: {
    status: 200,
    description: 'The appointment with status `checked_in`',
    schema: Appointment,
    headers: ['ETag'],
  },
  problems: ['invalid_state'],
})

const undoCheckInOperation = operation({
  method: 'put',
  path: '/appointments/{id}/undo-check-in',
  tag: 'Appointments',
  operationId: 'undoCheckIn',
  summary: 'Undo a check-in',
  description:
    'For a patient who was checked in by mistake: until the start the appointment becomes `booked` again, so that it can be cancelled or moved. Possible when a check-in is.',
  access: ['doctor', 'admin'],
  who: STAFF,
  audit: { kind: 'appointment.undo_check_in', action: 'U' },
  params: AppointmentPath,
  body: UndoCheckIn,
  answer: { status: 200, description: 'The booked appointment', schema: Appointment, headers: ['ETag'] },
  problems: ['invalid_state'],
})

const completeOperation = operation({
  method: 'put',
  path: '/appointments/{id}/complete',
  tag: 'Appointments',
  operationId: 'completeAppointment',
  summary: 'Complete an appointment',
  description:
    'For a checked-in appointment or a booking, once it has started. Until the end of the day of the visit it also undoes a no-show that was marked by mistake; then `reason` is required.',
  access: ['doctor', 'admin'],
  who: STAFF,
  audit: { kind: 'appointment.complete', action: 'U' },
  params: AppointmentPath,
  body: ProgressAppointment,
  answer: { status: 200, description: 'The completed appointment', schema: Appointment, headers: ['ETag'] },
  problems: ['invalid_state'],
})

const noShowOperation = operation({
  method: 'put',
  path: '/appointments/{id}/no-show',
  tag: 'Appointments',
  operationId: 'markNoShow',
  summary: 'Mark as no-show',
  description: 'For a booking that has started.',
  access: ['doctor', 'admin'],
  who: STAFF,
  audit: { kind: 'appointment.no_show', action: 'U' },
  params: AppointmentPath,
  answer: { status: 200, description: 'The appointment with status `no_show`', schema: Appointment, headers: ['ETag'] },
  problems: ['invalid_state'],
})

/** Confirm, reschedule, check in and undo it, complete, no-show; routes.ts has booking, reading and cancelling. */
export function lifecycleRoutes(deps: Deps) {
  const { app, mutation } = createRouter(deps)

  mutation(confirmHoldOperation, READABLE_APPOINTMENT, async (ctx, { params, ifMatch }) =>
    answerAppointment(ctx, await confirmHold(ctx, params.id, ifMatch)),
  )

  mutation(rescheduleOperation, READABLE_APPOINTMENT, {
    run: async (ctx, { params, body, ifMatch }) =>
      answerAppointment(ctx, await rescheduleAppointment(ctx, params.id, body, ifMatch)),
    explainRefusal: async (ctx, { params, body }, error) => {
      await auditBusyPatient(ctx, rescheduleOperation.audit!, error)
      return offerOtherTimes(ctx, params.id, body, error)
    },
  })

  for (const [op, to] of [
    [checkInOperation, 'checked_in'],
    [completeOperation, 'completed'],
  ] as const)
    mutation(op, READABLE_APPOINTMENT, async (ctx, { params, body, ifMatch }) => {
      const { appointment, undone } = await progressAppointment(ctx, params.id, to, body, ifMatch)
      return answerAppointment(ctx, appointment, undone ? { undo: true } : undefined)
    })

  mutation(undoCheckInOperation, READABLE_APPOINTMENT, async (ctx, { params, body, ifMatch }) =>
    answerAppointment(ctx, await undoCheckIn(ctx, params.id, body, ifMatch), { undo: true }),
  )

  mutation(noShowOperation, READABLE_APPOINTMENT, async (ctx, { params, ifMatch }) => {
    const { appointment } = await progressAppointment(ctx, params.id, 'no_show', {}, ifMatch)
    return answerAppointment(ctx, appointment)
  })

  return app
}
