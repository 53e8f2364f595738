import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { byClock, withRule } from '../http/rules'
import { Day, Instant, ordered, text, Uuid } from '../http/schemas'
import { notOver } from './status'

/** The most days that one entry may cover. */
const MAX_DAYS = 366
const DAY_MS = 86_400_000

const Name = z.string().max(200)
const Named = z.object({ id: Uuid, name: Name })

export const WaitlistStatus = z
  .enum(['waiting', 'offered', 'accepted', 'declined', 'lapsed', 'withdrawn', 'expired'])
  .openapi('WaitlistStatus')

export const WaitlistOffer = z
  .object({
    appointmentId: Uuid,
    doctor: Named,
    clinic: z.object({ id: Uuid, name: Name, timeZone: z.string().max(64) }),
    startsAt: Instant,
    endsAt: Instant,
    localStart: z
      .string()
      .max(30)
      .openapi({ format: 'date-time', description: "`startsAt` with the clinic's offset." }),
    expiresAt: Instant.nullable().openapi({
      description: 'Until when the offer can be accepted; null once it has ended.',
    }),
  })
  .openapi('WaitlistOffer')
export type WaitlistOffer = z.infer<typeof WaitlistOffer>

export const WaitlistEntry = z
  .object({
    id: Uuid,
    status: WaitlistStatus,
    patient: Named,
    doctor: Named.nullable().openapi({ description: 'Null: every doctor of the specialization.' }),
    specialization: z.string().max(200).nullable(),
    clinic: Named.nullable().openapi({ description: 'Null: every clinic.' }),
    from: z.string().max(10).openapi({ format: 'date' }),
    to: z.string().max(10).openapi({ format: 'date' }),
    offer: WaitlistOffer.nullable().openapi({ description: 'The time that is or was held for this entry.' }),
    createdAt: Instant,
  })
  .openapi('WaitlistEntry', {
    example: {
      id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e40',
      status: 'offered',
      patient: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e23', name: 'Sam Rivera' },
      doctor: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', name: 'Maya Chen' },
      specialization: null,
      clinic: null,
      from: '2026-03-02',
      to: '2026-03-13',
      offer: {
        appointmentId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e22',
        doctor: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', name: 'Maya Chen' },
        clinic: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f', name: 'Harbor Clinic', timeZone: 'America/New_York' },
        startsAt: '2026-03-02T14:00:00Z',
        endsAt: '2026-03-02T14:30:00Z',
        localStart: '2026-03-02T09:00:00-05:00',
        expiresAt: '2026-02-27T10:15:00Z',
      },
      createdAt: '2026-02-20T09:30:00Z',
    },
  })
export type WaitlistEntry = z.infer<typeof WaitlistEntry>

export const WaitlistEntryPage = pageOf('WaitlistEntry', WaitlistEntry)
export const ListWaitlistQuery = z.strictObject(pageFields)
export type ListWaitlistQuery = z.output<typeof ListWaitlistQuery>

const JoinFields = z.strictObject({
  doctorId: Uuid.optional().openapi({ description: 'Give either this or `specialization`.' }),
  specialization: text(200)
    .optional()
    .openapi({ description: 'Any doctor of this specialization; case does not matter.' }),
  clinicId: Uuid.optional().openapi({ description: 'Left out: every clinic.' }),
  from: Day.openapi({ description: 'The first local day on which a time suits.' }),
  to: byClock(Day, notOver).openapi({ description: `The last local day, inclusive; at most ${MAX_DAYS} days in all.` }),
  patientId: Uuid.optional().openapi({ description: 'Required for admins; the default for patients is themselves.' }),
})

const WithOneAim = withRule(ordered(JoinFields), ['doctorId', 'specialization'], (aim, refuse) => {
  if ((aim.doctorId === undefined) === (aim.specialization === undefined))
    refuse(['doctorId'], 'give either this or specialization')
})

export const JoinWaitlist = withRule(WithOneAim, ['from', 'to'], ({ from, to }, refuse) => {
  if (Date.parse(to) - Date.parse(from) >= MAX_DAYS * DAY_MS)
    refuse(['to'], `must lie at most ${MAX_DAYS} days after from, both counted`)
}).openapi('JoinWaitlist', {
  example: { doctorId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', from: '2026-03-02', to: '2026-03-13' },
})
export type JoinWaitlist = z.output<typeof JoinWaitlist>

export const WaitlistPath = z.strictObject({ id: Uuid })
