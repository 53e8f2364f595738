import type { Deps } from '../deps'
import { answer, noContent } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { type EntryRow, findWaitlistEntry } from './queries'
import { READABLE_ENTRY } from './replay'
import { JoinWaitlist, ListWaitlistQuery, WaitlistEntry, WaitlistEntryPage, WaitlistPath } from './schemas'
import { acceptOffer, declineOffer, joinWaitlist, leaveWaitlist, listWaitlist, presentEntry } from './service'

const WHO = 'patients their own and their wards’; admins all'
const TAG = 'Waiting list'
const ACCESS = ['patient', 'admin'] as const

const joinWaitlistOperation = operation({
  method: 'post',
  path: '/waitlist',
  tag: TAG,
  operationId: 'joinWaitlist',
  summary: 'Join the waiting list',
  description:
    'When a fitting time becomes free, it is offered to the first in line: it is held for this patient for some minutes, then ' +
    'for the next one. A free time that is not held can be booked by anyone. A patient can have ten waiting entries at once (409 `invalid_state`).',
  access: ACCESS,
  who: 'patients for themselves and their wards; admins for anyone, naming `patientId`',
  audit: { kind: 'waitlist.join', action: 'C' },
  body: JoinWaitlist,
  answer: {
    status: 201,
    description: 'The entry',
    schema: WaitlistEntry,
    headers: ['Location'],
    links: {
      read: {
        operationId: 'getWaitlistEntry',
        parameters: { id: '$response.body#/id' },
        description: 'Shows whether a time is offered.',
      },
    },
  },
  problems: ['not_found', 'invalid_state'],
})

const listWaitlistOperation = operation({
  method: 'get',
  path: '/waitlist',
  tag: TAG,
  operationId: 'listWaitlist',
  summary: 'List waiting list entries',
  description: 'Newest first, with all that have ended.',
  access: ACCESS,
  who: WHO,
  audit: { kind: 'waitlist.list', action: 'R' },
  query: ListWaitlistQuery,
  answer: { status: 200, description: 'A page of entries', schema: WaitlistEntryPage },
})

const getWaitlistEntryOperation = operation({
  method: 'get',
  path: '/waitlist/{id}',
  tag: TAG,
  operationId: 'getWaitlistEntry',
  summary: 'Read a waiting list entry',
  description: 'With the time that is or was offered.',
  access: ACCESS,
  who: WHO,
  audit: { kind: 'waitlist.read', action: 'R' },
  params: WaitlistPath,
  answer: { status: 200, description: 'The entry', schema: WaitlistEntry },
})

const acceptOfferOperation = operation({
  method: 'put',
  path: '/waitlist/{id}/accept',
  tag: TAG,
  operationId: 'acceptOffer',
  summary: 'Accept an offered time',
  description:
    'Confirms the held appointment; `offer.appointmentId` is its id. An expired offer cannot be accepted (409 `hold_expired`), nor one with a doctor whose account is disabled (409 `not_bookable`).',
  access: ACCESS,
  who: WHO,
  audit: { kind: 'waitlist.accept', action: 'U' },
  params: WaitlistPath,
  answer: { status: 200, description: 'The accepted entry', schema: WaitlistEntry },
  problems: ['hold_expired', 'invalid_state', 'not_bookable', 'too_many_upcoming'],
})

const declineOfferOperation = operation({
  method: 'put',
  path: '/waitlist/{id}/decline',
  tag: TAG,
  operationId: 'declineOffer',
  summary: 'Decline an offered time',
  description: 'The time is offered to the next in line, and this entry ends. To wait for another time, join again.',
  access: ACCESS,
  who: WHO,
  audit: { kind: 'waitlist.decline', action: 'U' },
  params: WaitlistPath,
  answer: { status: 200, description: 'The declined entry', schema: WaitlistEntry },
  problems: ['invalid_state'],
})

const leaveWaitlistOperation = operation({
  method: 'delete',
  path: '/waitlist/{id}',
  tag: TAG,
  operationId: 'leaveWaitlist',
  summary: 'Leave the waiting list',
  description: 'An offered time is offered to the next in line. An entry that has ended cannot be withdrawn (409).',
  access: ACCESS,
  who: WHO,
  audit: { kind: 'waitlist.leave', action: 'D' },
  params: WaitlistPath,
  answer: { status: 204, description: 'The entry is withdrawn' },
  problems: ['invalid_state'],
})

const auditOf = ({ id, patientId }: EntryRow) => ({ targetId: id, patientIds: [patientId] })

export function waitlistRoutes(deps: Deps) {
  const { app, read, readOne, mutation } = createRouter(deps)

  mutation(joinWaitlistOperation, READABLE_ENTRY, async (ctx, { body }) => {
    const entry = await joinWaitlist(ctx, body)
    return answer(presentEntry(entry, ctx.now), { location: `/waitlist/${entry.id}`, audit: auditOf(entry) })
  })

  read(listWaitlistOperation, async (ctx, { query }) => {
    const page = await listWaitlist(ctx, query)
    return answer(page, { audit: { patientIds: page.data.map(({ patient }) => patient.id) } })
  })

  readOne(getWaitlistEntryOperation, {
    find: findWaitlistEntry,
    thing: 'entry',
    answer: ({ now }, entry) => answer(presentEntry(entry, now)),
  })

  mutation(acceptOfferOperation, READABLE_ENTRY, async (ctx, { params }) => {
    const entry = await acceptOffer(ctx, params.id)
    return answer(presentEntry(entry, ctx.now), { audit: auditOf(entry) })
  })

  mutation(declineOfferOperation, READABLE_ENTRY, async (ctx, { params }) => {
    const entry = await declineOffer(ctx, params.id)
    return answer(presentEntry(entry, ctx.now), { audit: auditOf(entry) })
  })

  mutation(leaveWaitlistOperation, READABLE_ENTRY, async (ctx, { params }) =>
    noContent(auditOf(await leaveWaitlist(ctx, params.id))),
  )

  return app
}
