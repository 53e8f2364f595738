import type { Deps } from '../../deps'
import { answer, noContent } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { READABLE_BY_ROLE } from '../../http/operations/replay'
import { createRouter } from '../../http/operations/router'
import { cursorId, decodeCursor, toPage } from '../../http/pagination'
import { presentAffected } from '../../scheduling/affected/schemas'
import { ClinicPath } from '../schemas'
import { Closure, ClosurePage, ClosurePath, CreateClosure, CreatedClosure, ListClosuresQuery } from './schemas'
import { createClosure, deleteClosure, getClosure, listClosures } from './service'

const listClosuresOperation = operation({
  method: 'get',
  path: '/clinics/{id}/closures',
  tag: 'Clinics',
  operationId: 'listClosures',
  summary: 'List clinic closures',
  description: 'Past, current and future closures of the clinic, newest first.',
  access: 'signed_in',
  who: 'anyone signed in',
  params: ClinicPath,
  query: ListClosuresQuery,
  answer: { status: 200, description: 'A page of closures', schema: ClosurePage },
})

const getClosureOperation = operation({
  method: 'get',
  path: '/clinics/{id}/closures/{closureId}',
  tag: 'Clinics',
  operationId: 'getClosure',
  summary: 'Read a closure',
  description: 'Returns one closure of the clinic.',
  access: 'signed_in',
  who: 'anyone signed in',
  params: ClosurePath,
  answer: { status: 200, description: 'The closure', schema: Closure },
})

const createClosureOperation = operation({
  method: 'post',
  path: '/clinics/{id}/closures',
  tag: 'Clinics',
  operationId: 'createClosure',
  summary: 'Close a clinic',
  description:
    'Nothing can be booked on these local days. Existing appointments on them stay and are listed in the answer. A clinic can have at most 500 current and future closures (409).',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'closure.create', action: 'C' },
  params: ClinicPath,
  body: CreateClosure,
  answer: {
    status: 201,
    description: 'The closure and the appointments it affects',
    schema: CreatedClosure,
    headers: ['Location'],
  },
  problems: ['invalid_state'],
})

const deleteClosureOperation = operation({
  method: 'delete',
  path: '/clinics/{id}/closures/{closureId}',
  tag: 'Clinics',
  operationId: 'deleteClosure',
  summary: 'Delete a closure',
  description: 'The days can be booked again.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'closure.delete', action: 'D' },
  params: ClosurePath,
  answer: { status: 204, description: 'The closure was deleted' },
})

export function closureRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  read(listClosuresOperation, async (ctx, { params, query: { limit, cursor } }) => {
    const [after] = decodeCursor(cursor, cursorId) ?? []
    const closures = await listClosures(ctx, params.id, { limit: limit + 1, after })
    return answer(
      toPage(
        closures,
        limit,
        ({ id }) => [id],
        (closure) => closure,
      ),
    )
  })

  read(getClosureOperation, async (ctx, { params }) => answer(await getClosure(ctx, params.id, params.closureId)))

  mutation(createClosureOperation, READABLE_BY_ROLE, async (ctx, { params, body }) => {
    const { closure, affected } = await createClosure(ctx, params.id, body)
    return answer(
      { ...closure, ...presentAffected(affected) },
      {
        location: `/clinics/${params.id}/closures/${closure.id}`,
        audit: { targetId: closure.id, patientIds: affected.appointments.map(({ patientId }) => patientId) },
      },
    )
  })

  mutation(deleteClosureOperation, READABLE_BY_ROLE, async (ctx, { params }) => {
    const { id, startsOn, endsOn } = await deleteClosure(ctx, params.id, params.closureId)
    return noContent({ targetId: id, detail: { clinicId: params.id, startsOn, endsOn } })
  })

  return app
}
