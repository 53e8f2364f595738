import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { READABLE_BY_ROLE } from '../../http/operations/replay'
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
    'Without dates, this replaces the standing week at the clinic. With dates, it sets the schedule of exactly this period, which replaces the standing week on its days. Two dated schedules must not overlap (422). To delete a dated schedule, send its dates with `weekly: null` (404 if there is none). All times are local times of the clinic. Existing appointments stay, and the answer lists the future ones at the clinic that are now outside working hours. A clinic where the doctor does not work is refused (403).',
  access: ['doctor', 'admin'],
  who: 'doctors for themselves, admins with `doctorId`',
  audit: { kind: 'availability.set', action: 'U' },
  body: SetAvailability,
  answer: {
    status: 200,
    description: 'All hours of the doctor, and the appointments outside them',
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
    'Returns the hours of the doctor at each clinic with their exceptions, except those that ended over a year ago. For times that can be booked, use the slots.',
  access: 'signed_in',
  who: 'anyone signed in; the notes of exceptions: only the doctor and admins',
  params: DoctorPath,
  answer: { status: 200, description: 'All hours of the doctor', schema: Availability, headers: ['ETag'] },
})

export function availabilityRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  mutation(setAvailabilityOperation, READABLE_BY_ROLE, async (ctx, { body, ifMatch }) => {
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
