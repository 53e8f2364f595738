import type { Deps } from '../deps'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { answerAppointment } from './answers'
import { confirmHold } from './holds/service'
import { progressAppointment } from './progress'
import { offerOtherTimes, rescheduleAppointment } from './reschedule'
import { Appointment, AppointmentPath, BookingConflict, ProgressAppointment, RescheduleAppointment } from './schemas'

const STAFF = 'doctors for those they hold, admins'

const confirmHoldOperation = operation({
  method: 'put',
  path: '/appointments/{id}/confirm',
  tag: 'Appointments',
  operationId: 'confirmHold',
  summary: 'Confirm a hold',
  description: 'Makes it a booking, on the terms it was held with. Once it has lapsed it is too late (`hold_expired`).',
  access: ['patient', 'doctor', 'admin'],
  who: 'the patient or a guardian, and whoever made the hold',
  audit: { kind: 'appointment.confirm', action: 'U' },
  params: AppointmentPath,
  answer: { status: 200, description: 'The appointment, booked', schema: Appointment, headers: ['ETag'] },
  problems: ['forbidden', 'hold_expired', 'invalid_state'],
})

const rescheduleOperation = operation({
  method: 'put',
  path: '/appointments/{id}/reschedule',
  tag: 'Appointments',
  operationId: 'rescheduleAppointment',
  summary: 'Move an appointment to another time',
  description:
    'Of a booking that has not started, with the same doctor. Either the old time is freed and the new one taken, or nothing changes. It keeps its id, price, cancellation policy and duration. ' +
    'A time that cannot be had is answered as in booking; the alternatives are times to which it can be moved.',
  access: ['patient', 'doctor', 'admin'],
  who: 'patients their own and those of patients they are guardian of, doctors those they hold, admins',
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
})

const checkInOperation = operation({
  method: 'put',
  path: '/appointments/{id}/check-in',
  tag: 'Appointments',
  operationId: 'checkInAppointment',
  summary: 'Note that the patient has come',
  description:
    'Of a booking. On its own day it also sets back a completion or no-show that was marked by mistake; that needs a `reason`.',
  access: ['doctor', 'admin'],
  who: STAFF,
  audit: { kind: 'appointment.check_in', action: 'U' },
  params: AppointmentPath,
  body: ProgressAppointment,
  answer: { status: 200, description: 'The appointment, checked in', schema: Appointment, headers: ['ETag'] },
  problems: ['invalid_state'],
})

const completeOperation = operation({
  method: 'put',
  path: '/appointments/{id}/complete',
  tag: 'Appointments',
  operationId: 'completeAppointment',
  summary: 'Note that the visit took place',
  description:
    'Of one that is checked in, or of a booking once it has started. On its own day it also sets back a no-show that was marked by mistake; that needs a `reason`.',
  access: ['doctor', 'admin'],
  who: STAFF,
  audit: { kind: 'appointment.complete', action: 'U' },
  params: AppointmentPath,
  body: ProgressAppointment,
  answer: { status: 200, description: 'The appointment, completed', schema: Appointment, headers: ['ETag'] },
  problems: ['invalid_state'],
})

const noShowOperation = operation({
  method: 'put',
  path: '/appointments/{id}/no-show',
  tag: 'Appointments',
  operationId: 'markNoShow',
  summary: 'Note that the patient did not come',
  description: 'Of a booking, once it has started.',
  access: ['doctor', 'admin'],
  who: STAFF,
  audit: { kind: 'appointment.no_show', action: 'U' },
  params: AppointmentPath,
  answer: { status: 200, description: 'The appointment, a no-show', schema: Appointment, headers: ['ETag'] },
  problems: ['invalid_state'],
})

/** What becomes of an appointment once it is made; see routes.ts for making, reading and cancelling it. */
export function lifecycleRoutes(deps: Deps) {
  const { app, mutation } = createRouter(deps)

  mutation(confirmHoldOperation, async (ctx, { params, ifMatch }) =>
    answerAppointment(ctx, await confirmHold(ctx, params.id, ifMatch)),
  )

  mutation(rescheduleOperation, {
    run: async (ctx, { params, body, ifMatch }) =>
      answerAppointment(ctx, await rescheduleAppointment(ctx, params.id, body, ifMatch)),
    explainRefusal: (ctx, { params, body }, error) => offerOtherTimes(ctx, params.id, body, error),
  })

  for (const [op, to] of [
    [checkInOperation, 'checked_in'],
    [completeOperation, 'completed'],
  ] as const)
    mutation(op, async (ctx, { params, body, ifMatch }) => {
      const { appointment, undone } = await progressAppointment(ctx, params.id, to, body, ifMatch)
      return answerAppointment(ctx, appointment, undone ? { undo: true } : undefined)
    })

  mutation(noShowOperation, async (ctx, { params, ifMatch }) => {
    const { appointment } = await progressAppointment(ctx, params.id, 'no_show', {}, ifMatch)
    return answerAppointment(ctx, appointment)
  })

  return app
}
