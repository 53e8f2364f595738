import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { Day, Instant, InstantInput, ordered, Problem, text, Uuid } from '../http/schemas'
import { RULES } from './rules'

export const SLOT_EXAMPLE = {
  doctorId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20',
  doctorName: 'Maya Chen',
  clinicId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
  visitTypeId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e21',
  startsAt: '2026-03-02T14:00:00Z',
  endsAt: '2026-03-02T14:30:00Z',
  localStart: '2026-03-02T09:00:00-05:00',
}

/** A slot of a search, an alternative of a refused booking, or a doctor's next slot. */
export const Slot = z
  .object({
    doctorId: Uuid,
    doctorName: z.string().max(200),
    clinicId: Uuid,
    visitTypeId: Uuid,
    startsAt: Instant,
    endsAt: Instant,
    localStart: z
      .string()
      .max(30)
      .openapi({ format: 'date-time', description: "`startsAt` with the clinic's offset." }),
  })
  .openapi('Slot', {
    description: 'A time at which a visit type can be booked now, by any patient who is free then.',
    example: SLOT_EXAMPLE,
  })
export type Slot = z.infer<typeof Slot>

/** The result of one rule. */
export const RuleResult = z
  .object({ rule: z.enum(RULES), pass: z.boolean(), detail: z.string().max(500) })
  .openapi('RuleResult', {
    example: { rule: 'minimum_notice', pass: false, detail: 'inside minimum notice of 120 min' },
  })

/** All slots of the days, without pages. */
export const SlotList = z
  .object({ data: z.array(Slot).max(100_000), nextCursor: z.null() })
  .openapi('SlotList', { example: { data: [SLOT_EXAMPLE], nextCursor: null } })

export const SlotPage = pageOf('Slot', Slot)

const ExplainedRule = z
  .object({ rule: z.enum(['verified', ...RULES]), pass: z.boolean(), detail: z.string().max(500) })
  .openapi('ExplainedRule', { example: { rule: 'grid', pass: true, detail: 'lies on the steps of 30 min from 09:00' } })

export const Explanation = z
  .object({
    bookable: z.boolean().openapi({ description: 'Whether all rules pass, for a patient who is free then.' }),
    rules: z.array(ExplainedRule).max(20),
  })
  .openapi('Explanation', {
    example: {
      bookable: false,
      rules: [
        { rule: 'verified', pass: true, detail: 'the doctor is verified' },
        { rule: 'minimum_notice', pass: false, detail: 'inside minimum notice of 120 min' },
      ],
    },
  })
export type Explanation = z.infer<typeof Explanation>

export const MAX_SEARCH_DAYS = 31
/** When the request names no last day. */
export const DEFAULT_DAYS = 7

export const DoctorSlotsPath = z.strictObject({ id: Uuid })

export const DoctorSlotsQuery = ordered(
  z.strictObject({
    from: Day.optional().openapi({ description: 'The first local day of the clinic; default: today.' }),
    to: Day.optional().openapi({ description: 'The last day, inclusive; default: six days after the first.' }),
    visitTypeId: Uuid.optional().openapi({ description: "Default: the doctor's first active visit type." }),
    clinicId: Uuid.optional().openapi({ description: "Default: all the doctor's clinics." }),
  }),
)
export type DoctorSlotsQuery = z.infer<typeof DoctorSlotsQuery>

export const SearchSlotsQuery = ordered(
  z.strictObject({
    ...pageFields,
    specialization: text(100)
      .optional()
      .openapi({ description: 'Case does not matter. Left out: all specializations.' }),
    clinicId: Uuid.optional().openapi({ description: 'Left out: all clinics.' }),
    from: Day.optional().openapi({ description: 'The first local day of each clinic; default: today.' }),
    to: Day.optional().openapi({ description: 'The last day, inclusive; default: six days after the first.' }),
  }),
)
export type SearchSlotsQuery = z.output<typeof SearchSlotsQuery>

export const ExplainSlotQuery = z.strictObject({
  startsAt: InstantInput,
  visitTypeId: Uuid.optional().openapi({ description: "Default: the doctor's first active visit type." }),
  clinicId: Uuid.optional().openapi({
    description: 'Default: the clinic where the doctor has hours at this time; required if there are several.',
  }),
})
export type ExplainSlotQuery = z.output<typeof ExplainSlotQuery>

export const CurrencyConflict = Problem.extend({
  visitTypes: z
    .array(z.object({ id: Uuid, doctorId: Uuid, name: z.string().max(200) }))
    .max(100)
    .optional()
    .openapi({
      description: 'Active visit types with a price in a currency that no clinic of their doctor would have.',
    }),
}).openapi('CurrencyConflict')

export const CURRENCY_CONFLICT = {
  invalid_state: {
    visitTypes: [
      {
        id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e2a',
        doctorId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20',
        name: 'Consultation',
      },
    ],
  },
}
