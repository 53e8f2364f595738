import { z } from '@hono/zod-openapi'
import { byClock, inFuture, withRule } from '../../../http/rules'
import { Instant, InstantInput, lines, Uuid } from '../../../http/schemas'
import {
  AFFECTED_EXAMPLE,
  affectedFields,
  OUTSIDE_HOURS_EXAMPLE,
  outsideHoursFields,
} from '../../../scheduling/affected/schemas'
import { DAY, MINUTE } from '../../../scheduling/local-time'

const MAX_DAYS = 366
/** Exceptions of one doctor, without those that ended over a year ago. */
export const MAX_EXCEPTIONS = 500

const Kind = z.enum(['off', 'extra'])

const EXAMPLE = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e32',
  clinicId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e11',
  startsAt: '2027-03-02T13:00:00Z',
  endsAt: '2027-03-02T22:00:00Z',
  kind: 'off' as const,
  note: 'Conference',
}

export const AvailabilityException = z
  .object({
    id: Uuid,
    clinicId: Uuid,
    startsAt: Instant,
    endsAt: Instant,
    kind: Kind,
    note: z.string().max(500).nullable().optional().openapi({ description: 'Only for the doctor and for admins.' }),
  })
  .openapi('AvailabilityException', {
    description: 'Time off, or extra hours, of a doctor at one clinic. Where both overlap, time off applies.',
    example: EXAMPLE,
  })
export type AvailabilityException = z.infer<typeof AvailabilityException>

export const CreatedException = AvailabilityException.extend(affectedFields).openapi('CreatedException', {
  example: { ...EXAMPLE, ...AFFECTED_EXAMPLE },
})

const ExceptionFields = z.strictObject({
  doctorId: Uuid.optional().openapi({ description: 'Required for admins.' }),
  clinicId: Uuid.optional().openapi({ description: 'Required if the doctor has several clinics.' }),
  startsAt: InstantInput,
  endsAt: byClock(InstantInput, inFuture).openapi({
    description: `Must lie in the future and at most ${MAX_DAYS} days after startsAt.`,
  }),
  kind: Kind,
  note: lines(500).nullish().openapi({ description: 'Only for the doctor and for admins.' }),
})

const InOrder = withRule(ExceptionFields, ['startsAt', 'endsAt'], ({ startsAt, endsAt }, refuse) => {
  if (endsAt <= startsAt) refuse(['endsAt'], 'must be after startsAt')
  else if (endsAt.getTime() - startsAt.getTime() > MAX_DAYS * DAY)
    refuse(['endsAt'], `must be at most ${MAX_DAYS} days after startsAt`)
})

// The grid of visits starts there.
export const CreateException = withRule(InOrder, ['startsAt', 'kind'], ({ startsAt, kind }, refuse) => {
  if (kind === 'extra' && startsAt.getTime() % MINUTE !== 0) refuse(['startsAt'], 'must be a whole minute')
}).openapi('CreateException', {
  example: {
    startsAt: '2027-03-02T08:00:00-05:00',
    endsAt: '2027-03-02T17:00:00-05:00',
    kind: 'off',
    note: 'Conference',
  },
})
export type CreateException = z.output<typeof CreateException>

export const DeletedExtraHours = z.object(outsideHoursFields).openapi('DeletedExtraHours', {
  description: 'The upcoming appointments that the deleted extra hours leave outside working hours.',
  example: OUTSIDE_HOURS_EXAMPLE,
})

export const ExceptionPath = z.strictObject({ exceptionId: Uuid })
