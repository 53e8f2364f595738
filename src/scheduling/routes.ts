import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { explainSlot } from './explain'
import { writeSlotList } from './present'
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

const listDoctorSlotsOperation = operation({
  method: 'get',
  path: '/doctors/{id}/slots',
  tag: 'Scheduling',
  operationId: 'listDoctorSlots',
  summary: "List a doctor's slots",
  description:
    "Every start that can be booked, earliest first: inside the doctor's hours, on the visit type's grid, outside other visits and their buffers, within notice and horizon. " +
    'Days are local days of the clinic, both inclusive, at most 31; the default is today and the six days after. The list has no pages. A doctor without a visit type has no slots.',
  access: 'public',
  who: 'anyone',
  params: DoctorSlotsPath,
  query: DoctorSlotsQuery,
  answer: { status: 200, description: 'All slots on these days', schema: SlotList },
})

const searchSlotsOperation = operation({
  method: 'get',
  path: '/slots',
  tag: 'Scheduling',
  operationId: 'searchSlots',
  summary: 'Search slots',
  description:
    "Slots of all doctors of a specialization, of a clinic or both, earliest first, each for the doctor's first active visit type. Days are local days of each clinic, both inclusive, at most 31. " +
    'With very many doctors a page may have fewer slots than `limit`: read on until `nextCursor` is null.',
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
  summary: 'Explain a slot',
  description: 'Says for every rule whether it passes at this time, and why.',
  access: ['doctor', 'admin'],
  who: 'doctors for themselves, admins',
  params: DoctorSlotsPath,
  query: ExplainSlotQuery,
  answer: { status: 200, description: 'The result of each rule', schema: Explanation },
})

export function schedulingRoutes(deps: Deps) {
  const { app, read, stream } = createRouter(deps)

  stream(listDoctorSlotsOperation, async (ctx, { params, query }) => {
    const { facts, starts } = await findSlots(ctx, params.id, query)
    return answer(writeSlotList(facts, starts))
  })

  read(explainSlotOperation, async (ctx, { params, query }) => answer(await explainSlot(ctx, params.id, query)))

  read(searchSlotsOperation, async (ctx, { query }) => answer(await searchSlots(ctx, query)))

  return app
}
