import type { Deps } from '../../deps'
import { answer, noContent } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { READABLE_BY_ROLE } from '../../http/operations/replay'
import { createRouter } from '../../http/operations/router'
import { PatientPath } from '../schemas'
import { AddGuardian, Guardian, GuardianPage, GuardianPath, ListGuardiansQuery } from './schemas'
import { addGuardian, listGuardians, removeGuardian } from './service'

const listGuardiansOperation = operation({
  method: 'get',
  path: '/patients/{id}/guardians',
  tag: 'Patients',
  operationId: 'listGuardians',
  summary: 'List a patient’s guardians',
  description: 'The users who may act for the patient: book, cancel, pay and read.',
  access: ['patient', 'admin'],
  who: 'patients their own and their wards’; admins all',
  audit: { kind: 'guardian.list', action: 'R' },
  params: PatientPath,
  query: ListGuardiansQuery,
  answer: { status: 200, description: 'A page of guardians', schema: GuardianPage },
})

const addGuardianOperation = operation({
  method: 'post',
  path: '/patients/{id}/guardians',
  tag: 'Patients',
  operationId: 'addGuardian',
  summary: 'Add a guardian',
  description:
    'The user may act for the patient from now on. A second time for the same user is a 409, and so is an erased patient.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'guardian.add', action: 'C' },
  params: PatientPath,
  body: AddGuardian,
  answer: { status: 201, description: 'The guardian', schema: Guardian, headers: ['Location'] },
  problems: ['invalid_state'],
})

const removeGuardianOperation = operation({
  method: 'delete',
  path: '/patients/{id}/guardians/{userId}',
  tag: 'Patients',
  operationId: 'removeGuardian',
  summary: 'Remove a guardian',
  description: 'The user may not act for the patient any more. What they booked stays.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'guardian.remove', action: 'D' },
  params: GuardianPath,
  answer: { status: 204, description: 'The guardianship has ended' },
})

export function guardianRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  read(listGuardiansOperation, async (ctx, { params: { id }, query }) =>
    answer(await listGuardians(ctx, id, query), { audit: { patientIds: [id], targetId: id } }),
  )

  mutation(addGuardianOperation, READABLE_BY_ROLE, async (ctx, { params: { id }, body }) => {
    const guardian = await addGuardian(ctx, id, body.userId)
    return answer(guardian, {
      location: `/patients/${id}/guardians`,
      audit: { patientIds: [id], targetId: guardian.userId },
    })
  })

  mutation(removeGuardianOperation, READABLE_BY_ROLE, async (ctx, { params: { id, userId } }) => {
    await removeGuardian(ctx, id, userId)
    return noContent({ patientIds: [id], targetId: userId })
  })

  return app
}
