import type { Deps } from '../../../deps'
import { answer, noContent } from '../../../http/answer'
import { operation } from '../../../http/operations/operation'
import { READABLE_BY_ROLE } from '../../../http/operations/replay'
import { createRouter } from '../../../http/operations/router'
import { presentAffected, presentOutsideHours } from '../../../scheduling/affected/schemas'
import { AvailabilityException, CreatedException, CreateException, DeletedExtraHours, ExceptionPath } from './schemas'
import { createException, deleteException, getException, presentException } from './service'

const createExceptionOperation = operation({
  method: 'post',
  path: '/doctors/availability/exceptions',
  tag: 'Doctors',
  operationId: 'createException',
  summary: 'Add an availability exception',
  description:
    'Adds an exception at one clinic, between two instants. Nothing can be booked in time off; existing appointments in it stay and are listed in the answer. The slots of extra hours start at `startsAt`. A doctor can have at most 500 exceptions, not counting those that ended over a year ago (409). A clinic where the doctor does not work is refused (403).',
  access: ['doctor', 'admin'],
  who: 'doctors for themselves, admins with `doctorId`',
  audit: { kind: 'availability.exception_create', action: 'C' },
  body: CreateException,
  answer: {
    status: 201,
    description: 'The exception and the appointments it affects',
    schema: CreatedException,
    headers: ['Location'],
  },
  problems: ['not_found', 'invalid_state'],
})

const getExceptionOperation = operation({
  method: 'get',
  path: '/doctors/availability/exceptions/{exceptionId}',
  tag: 'Doctors',
  operationId: 'getException',
  summary: 'Read an availability exception',
  description:
    'Returns one exception (time off or extra hours) of a doctor. Reading working hours returns all of them.',
  access: ['doctor', 'admin'],
  who: 'the doctor, admins',
  params: ExceptionPath,
  answer: { status: 200, description: 'The exception', schema: AvailabilityException },
})

const deleteExceptionOperation = operation({
  method: 'delete',
  path: '/doctors/availability/exceptions/{exceptionId}',
  tag: 'Doctors',
  operationId: 'deleteException',
  summary: 'Delete an availability exception',
  description:
    'The usual hours apply again. Appointments booked in extra hours stay. If appointments are outside the hours without them, the answer is 200 and lists the future ones.',
  access: ['doctor', 'admin'],
  who: 'the doctor, admins',
  audit: { kind: 'availability.exception_delete', action: 'D' },
  params: ExceptionPath,
  answer: {
    status: 204,
    description: 'The exception was deleted',
    schema: DeletedExtraHours.optional(),
    or: { status: 200, description: 'The extra hours were deleted, and appointments are outside working hours' },
  },
})

export function exceptionRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  mutation(createExceptionOperation, READABLE_BY_ROLE, async (ctx, { body }) => {
    const { exception, affected } = await createException(ctx, body)
    const { id, doctorId } = exception
    return answer(
      { ...presentException(exception), ...presentAffected(affected) },
      {
        location: `/doctors/availability/exceptions/${id}`,
        audit: {
          targetId: id,
          patientIds: affected.appointments.map(({ patientId }) => patientId),
          detail: { doctorId },
        },
      },
    )
  })

  read(getExceptionOperation, async (ctx, { params }) =>
    answer(presentException(await getException(ctx, params.exceptionId))),
  )

  mutation(deleteExceptionOperation, READABLE_BY_ROLE, async (ctx, { params }) => {
    const { exception, outside } = await deleteException(ctx, params.exceptionId)
    const { doctorId } = exception
    const { clinicId, kind, startsAt, endsAt } = presentException(exception)
    const audit = { targetId: exception.id, detail: { doctorId, clinicId, kind, startsAt, endsAt } }
    if (outside.total === 0) return noContent(audit)
    const patientIds = outside.appointments.map(({ patientId }) => patientId)
    return answer(presentOutsideHours(outside), { status: 200, audit: { ...audit, patientIds } })
  })

  return app
}
