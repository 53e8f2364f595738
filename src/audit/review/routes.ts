import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { READABLE_BY_ROLE } from '../../http/operations/replay'
import { createRouter } from '../../http/operations/router'
import { getEmergencyAccess, reviewEmergencyAccess } from '../../patients/emergency/service'
import { EmergencyReview, ReviewPath } from './schemas'
import { emergencyOf, presentReview } from './service'

const getReviewOperation = operation({
  method: 'get',
  path: '/audit/{seq}/review',
  tag: 'Audit',
  operationId: 'getEmergencyReview',
  summary: 'Read an emergency review',
  description:
    'For an event of kind `emergency_access`: the emergency access with its reason, and who reviewed it and when. 409 for other kinds.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'emergency_review.read', action: 'R' },
  params: ReviewPath,
  answer: { status: 200, description: 'The emergency access', schema: EmergencyReview },
  problems: ['invalid_state'],
})

const reviewOperation = operation({
  method: 'put',
  path: '/audit/{seq}/review',
  tag: 'Audit',
  operationId: 'reviewEmergencyAccess',
  summary: 'Review an emergency access',
  description:
    'Marks the emergency access of an event of kind `emergency_access` as reviewed; 409 for other kinds. A second review changes nothing. The event itself never changes.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'emergency_review.write', action: 'U' },
  params: ReviewPath,
  answer: { status: 200, description: 'The reviewed emergency access', schema: EmergencyReview },
  problems: ['invalid_state'],
})

export function reviewRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  read(getReviewOperation, async (ctx, { params: { seq } }) => {
    const id = await emergencyOf(ctx, seq)
    const access = await getEmergencyAccess(ctx, id)
    return answer(presentReview(access), { audit: { patientIds: [access.patientId], targetId: id } })
  })

  mutation(reviewOperation, READABLE_BY_ROLE, {
    beforeTransaction: (ctx, { params: { seq } }) => emergencyOf(ctx, seq),
    run: async (ctx, _input, id) => {
      const access = await reviewEmergencyAccess(ctx, id)
      return answer(presentReview(access), { audit: { patientIds: [access.patientId], targetId: id } })
    },
  })

  return app
}
