import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operation'
import { createRouter } from '../http/router'
import { DoctorSlotsPath, DoctorSlotsQuery, SlotList } from './schemas'
import { findSlots } from './service'

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

export function schedulingRoutes(deps: Deps) {
  const { app, read } = createRouter(deps)

  read(listDoctorSlotsOperation, async (ctx, { params, query }) =>
    answer({ data: await findSlots(ctx, params.id, query), nextCursor: null }),
  )

  return app
}
