import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { READABLE_BY_ROLE } from '../../http/operations/replay'
import { createRouter } from '../../http/operations/router'
import { cursorId, decodeCursor, toPage } from '../../http/pagination'
import {
  CreateVisitType,
  DoctorPath,
  ListVisitTypesQuery,
  presentVisitType,
  UpdateVisitType,
  VisitType,
  VisitTypePage,
  VisitTypePath,
} from '../schemas'
import { createVisitType, getVisitType, listVisitTypes, updateVisitType } from './service'

const listVisitTypesOperation = operation({
  method: 'get',
  path: '/doctors/{id}/visit-types',
  tag: 'Doctors',
  operationId: 'listVisitTypes',
  summary: 'List visit types',
  description: 'Returns the visit types of the doctor with their terms, newest first.',
  access: 'optional',
  who: 'anyone; inactive visit types: only the doctor and admins',
  params: DoctorPath,
  query: ListVisitTypesQuery,
  answer: { status: 200, description: 'A page of visit types', schema: VisitTypePage },
})

const getVisitTypeOperation = operation({
  method: 'get',
  path: '/doctors/{id}/visit-types/{visitTypeId}',
  tag: 'Doctors',
  operationId: 'getVisitType',
  summary: 'Read a visit type',
  description: 'Returns one visit type, with its version as ETag.',
  access: 'optional',
  who: 'anyone; an inactive visit type: only the doctor and admins',
  params: VisitTypePath,
  answer: { status: 200, description: 'The visit type', schema: VisitType, headers: ['ETag'] },
})

const createVisitTypeOperation = operation({
  method: 'post',
  path: '/doctors/{id}/visit-types',
  tag: 'Doctors',
  operationId: 'createVisitType',
  summary: 'Create a visit type',
  description:
    'The price must be in the currency of one of the doctor’s clinics. A doctor can have at most 50 active visit types (409).',
  access: ['doctor', 'admin'],
  who: 'the doctor, admins',
  audit: { kind: 'visit_type.create', action: 'C' },
  params: DoctorPath,
  body: CreateVisitType,
  answer: { status: 201, description: 'The new visit type', schema: VisitType, headers: ['ETag', 'Location'] },
  problems: ['invalid_state'],
})

const updateVisitTypeOperation = operation({
  method: 'patch',
  path: '/doctors/{id}/visit-types/{visitTypeId}',
  tag: 'Doctors',
  operationId: 'updateVisitType',
  summary: 'Change a visit type',
  description:
    'Fields that are not sent do not change: a new duration alone does not change the slot interval. Existing appointments keep their terms. With `active: false` the visit type can no longer be booked.',
  access: ['doctor', 'admin'],
  who: 'the doctor, admins',
  audit: { kind: 'visit_type.update', action: 'U' },
  params: VisitTypePath,
  body: UpdateVisitType,
  answer: { status: 200, description: 'The changed visit type', schema: VisitType, headers: ['ETag'] },
  problems: ['invalid_state'],
})

export function visitTypeRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  read(listVisitTypesOperation, async (ctx, { params, query: { limit, cursor } }) => {
    const [after] = decodeCursor(cursor, cursorId) ?? []
    const rows = await listVisitTypes(ctx, params.id, { limit: limit + 1, after })
    return answer(toPage(rows, limit, (row) => [row.id], presentVisitType))
  })

  read(getVisitTypeOperation, async (ctx, { params }) => {
    const visitType = await getVisitType(ctx, params.id, params.visitTypeId)
    return answer(presentVisitType(visitType), { version: visitType.version })
  })

  mutation(createVisitTypeOperation, READABLE_BY_ROLE, async (ctx, { params, body }) => {
    const visitType = await createVisitType(ctx, params.id, body)
    return answer(presentVisitType(visitType), {
      version: visitType.version,
      location: `/doctors/${params.id}/visit-types/${visitType.id}`,
      audit: { targetId: visitType.id },
    })
  })

  mutation(updateVisitTypeOperation, READABLE_BY_ROLE, async (ctx, { params, body, ifMatch }) => {
    const visitType = await updateVisitType(ctx, params.id, params.visitTypeId, body, ifMatch)
    return answer(presentVisitType(visitType), { version: visitType.version, audit: { targetId: visitType.id } })
  })

  return app
}
