import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { createRouter } from '../../http/operations/router'
import { presentOutsideHours } from '../../scheduling/affected/schemas'
import { DoctorPath } from '../schemas'
import { exceptionRoutes } from './exceptions/routes'
import { Availability, ChangedAvailability, SetAvailability } from './schemas'
import { getAvailability, presentAvailability, setAvailability } from './service'

const setAvailabilityOperation = operation({
  method: 'post',
  path: '/doctors/availability',
  tag: 'Doctors',
  operationId: 'setAvailability',
  summary: 'Set working hours',
  description:
    'Without dates, replaces the standing week of the clinic; with dates, the schedule of exactly that period, which overrides the standing week on its days. Two dated schedules may not overlap (422). To take a dated schedule away, send its dates with `weekly: null` (404 where there is none). All times are wall-clock times of the clinic. Appointments that exist stay; the answer lists those to come at the clinic that no hours hold now. A clinic that the doctor does not belong to is 403.',
  access: ['doctor', 'admin'],
  who: 'doctors for themselves, admins with `doctorId`',
  audit: { kind: 'availability.set', action: 'U' },
  body: SetAvailability,
  answer: {
    status: 200,
    description: 'All hours of the doctor, and the appointments outside of them',
    schema: ChangedAvailability,
    headers: ['ETag'],
  },
  problems: ['not_found'],
})

const getAvailabilityOperation = operation({
  method: 'get',
  path: '/doctors/{id}/availability',
  tag: 'Doctors',
  operationId: 'getAvailability',
  summary: 'Read working hours',
  description:
    'The hours of the doctor at each clinic, and exceptions from them: to come and of the last year. For bookable times see the slots.',
  access: 'signed_in',
  who: 'anyone signed in; the notes of exceptions: the doctor and admins',
  params: DoctorPath,
  answer: { status: 200, description: 'All hours of the doctor', schema: Availability, headers: ['ETag'] },
})

export function availabilityRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  mutation(setAvailabilityOperation, async (ctx, { body, ifMatch }) => {
    const { availability, outside } = await setAvailability(ctx, body, ifMatch)
    return answer(
      { ...presentAvailability(availability, ctx.actor), ...presentOutsideHours(outside) },
      {
        version: availability.version,
        audit: {
          targetId: availability.id,
          patientIds: outside.appointments.map(({ patientId }) => patientId),
        },
      },
    )
  })

  read(getAvailabilityOperation, async (ctx, { params }) => {
    const availability = await getAvailability(ctx, params.id)
    return answer(presentAvailability(availability, ctx.actor), { version: availability.version })
  })

  app.route('/', exceptionRoutes(deps))
  return app
}
