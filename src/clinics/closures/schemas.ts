import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../../http/pagination'
import { withRule } from '../../http/rules'
import { Day, lines, Uuid } from '../../http/schemas'
import { AFFECTED_EXAMPLE, affectedFields } from '../../scheduling/affected/schemas'

/** Current and future closures of one clinic. */
export const MAX_CLOSURES = 500

const EXAMPLE = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e31',
  startsOn: '2027-12-24',
  endsOn: '2027-12-26',
  reason: 'Christmas',
}

export const Closure = z
  .object({ id: Uuid, startsOn: Day, endsOn: Day, reason: z.string().max(500).nullable() })
  .openapi('Closure', {
    description: 'A period of local days on which the clinic is closed. Both days are included.',
    example: EXAMPLE,
  })
export type Closure = z.infer<typeof Closure>

export const ClosurePage = pageOf('Closure', Closure)
export const ListClosuresQuery = z.strictObject(pageFields)

export const CreatedClosure = Closure.extend(affectedFields).openapi('CreatedClosure', {
  example: { ...EXAMPLE, ...AFFECTED_EXAMPLE },
})

const ClosureFields = z.strictObject({
  startsOn: Day,
  endsOn: Day.openapi({
    description: 'The last closed day. Must be today, in the time zone of the clinic, or later.',
  }),
  reason: lines(500).nullish(),
})

export const CreateClosure = withRule(ClosureFields, ['startsOn', 'endsOn'], ({ startsOn, endsOn }, refuse) => {
  if (startsOn > endsOn) refuse(['endsOn'], 'must not be before startsOn')
}).openapi('CreateClosure', { example: { startsOn: '2027-12-24', endsOn: '2027-12-26', reason: 'Christmas' } })
export type CreateClosure = z.infer<typeof CreateClosure>

export const ClosurePath = z.strictObject({ id: Uuid, closureId: Uuid })
