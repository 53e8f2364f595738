import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { explainSlot } from './explain'
import { createFactsCache } from './facts-cache'
import {
  DoctorSlotsPath,
  DoctorSlotsQuery,
  ExplainSlotQuery,
  Explanation,
  SearchSlotsQuery,
  SlotList,
  SlotPage,
} from './schemas'
import { searchSlots } from './search/service'
import { findSlots } from './service'
import { writeSlotList } from './slot-list'

const listDoctorSlotsOperation = operation({
  method: 'get',
  path: '/doctors/{id}/slots',
  tag: 'Scheduling',
  operationId: 'listDoctorSlots',
  summary: "List a doctor's free times",
  description:
    "Every start that can be booked, earliest first: inside the doctor's hours, on the visit type's grid, with its buffers, notice and horizon, and free. " +
    "Days are the clinic's own, both inclusive, at most 31; without them today and the six days after. The list is not paged. A doctor without a visit type has none.",
  access: 'public',
  who: 'anyone',
  params: DoctorSlotsPath,
  query: DoctorSlotsQuery,
  answer: { status: 200, description: 'All slots of the days', schema: SlotList },
})

const searchSlotsOperation = operation({
  method: 'get',
  path: '/slots',
  tag: 'Scheduling',
  operationId: 'searchSlots',
  summary: 'Find free times of many doctors',
  description:
    "Of all doctors of a specialization, of a clinic or both, earliest first, each for the doctor's first active visit type. Days are those of each clinic, both inclusive, at most 31. " +
    'Where there are very many doctors a page may hold fewer slots than asked for: there are more as long as `nextCursor` is not null.',
  access: 'public',
  who: 'anyone',
  query: SearchSlotsQuery,
  answer: { status: 200, description: 'A page of slots', schema: SlotPage },
})

const explainSlotOperation = operation({
  method: 'get',
  path: '/doctors/{id}/slots/explanation',
  tag: 'Scheduling',
  operationId: 'explainSlot',
  summary: 'Ask why a time can or cannot be booked',
  description: 'Every rule with its verdict in words, whether or not the time is offered.',
  access: ['doctor', 'admin'],
  who: 'doctors for themselves, admins',
  params: DoctorSlotsPath,
  query: ExplainSlotQuery,
  answer: { status: 200, description: 'The verdict of each rule', schema: Explanation },
})

export function schedulingRoutes(deps: Deps) {
  const { app, read, stream } = createRouter(deps)
  const loadFacts = createFactsCache(deps.db)

  stream(listDoctorSlotsOperation, async (ctx, { params, query }) => {
    const { facts, starts } = await findSlots(ctx, loadFacts, params.id, query)
    return answer(writeSlotList(facts, starts))
  })

  read(explainSlotOperation, async (ctx, { params, query }) => answer(await explainSlot(ctx, params.id, query)))

  read(searchSlotsOperation, async (ctx, { query }) => answer(await searchSlots(ctx, query)))

  return app
}
