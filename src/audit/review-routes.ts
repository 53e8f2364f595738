import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { getEmergencyAccess, reviewEmergencyAccess } from '../patients/emergency/service'
import { emergencyOf, presentReview } from './review'
import { EmergencyReview, ReviewPath } from './review-schemas'

const getReviewOperation = operation({
  method: 'get',
  path: '/audit/{seq}/review',
  tag: 'Audit',
  operationId: 'getEmergencyReview',
  summary: 'Read an emergency access and its review',
  description:
    'Of an event of kind `emergency_access`: the reason that was given, and whether somebody has reviewed it.',
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
  summary: 'Mark an emergency access as reviewed',
  description:
    'Of an event of kind `emergency_access`; any other is 409. The first review stands, a second changes nothing. The event itself is never changed.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'emergency_review.write', action: 'U' },
  params: ReviewPath,
  answer: { status: 200, description: 'The emergency access, reviewed', schema: EmergencyReview },
  problems: ['invalid_state'],
})

export function reviewRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  read(getReviewOperation, async (ctx, { params: { seq } }) => {
    const id = await emergencyOf(ctx, seq)
    const access = await getEmergencyAccess(ctx, id)
    return answer(presentReview(access), { audit: { patientIds: [access.patientId], targetId: id } })
  })

  mutation(reviewOperation, {
    beforeTransaction: (ctx, { params: { seq } }) => emergencyOf(ctx, seq),
    run: async (ctx, _input, id) => {
      const access = await reviewEmergencyAccess(ctx, id)
      return answer(presentReview(access), { audit: { patientIds: [access.patientId], targetId: id } })
    },
  })

  return app
}
