import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { byClock } from '../http/rules'
import { Day, Instant, InstantInput, lines, ordered, text, Uuid } from '../http/schemas'
import { Attachment } from './attachments/schemas'
import { ClinicalData } from './clinical-data'
import { Author, envelope, exampleEnvelope, MAX_ENTRIES } from './envelope-schema'
import { renewable } from './prescription-status'

const RecordType = z
  .string()
  .max(40)
  .regex(
    /^[a-z][a-z0-9_]{1,39}$/,
    'must be 2 to 40 lower-case letters, digits and _, starting with a letter, like visit_note',
  )
  .openapi({ example: 'visit_note' })

const StoredData = z.record(z.string(), z.unknown()).openapi({ type: 'object', additionalProperties: true })

const amendment = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e31',
  reason: 'Systolic value was misread.',
  data: { systolic: 123, diastolic: 82, plan: 'Continue, control in three months.' },
  author: exampleEnvelope.doctor,
  createdAt: '2026-03-03T09:10:00Z',
}

const Amendment = z
  .object({ id: Uuid, reason: z.string().max(500), data: StoredData, author: Author, createdAt: Instant })
  .openapi('Amendment', { example: amendment })

export const MedicalRecord = z
  .object({
    ...envelope,
    type: z.string().max(40),
    title: z.string().max(200),
    data: StoredData.openapi({
      description: 'The current content: that of the newest amendment, or the original without amendments.',
    }),
    originalData: StoredData.nullable().openapi({
      type: ['object', 'null'],
      description: 'The original content; null without amendments, because `data` is the original then.',
    }),
    amendments: z
      .array(Amendment)
      .max(MAX_ENTRIES)
      .openapi({ description: 'Oldest first; `data` is the content of the last.' }),
    attachments: z.array(Attachment).max(MAX_ENTRIES),
  })
  .openapi('MedicalRecord', {
    example: {
      ...exampleEnvelope,
      type: 'visit_note',
      title: 'Follow-up of blood pressure',
      data: amendment.data,
      originalData: { systolic: 128, diastolic: 82, plan: 'Continue, control in three months.' },
      amendments: [amendment],
      attachments: [],
    },
  })
export type MedicalRecord = z.infer<typeof MedicalRecord>

export const MedicalRecordPage = pageOf('MedicalRecord', MedicalRecord)

export const CreateRecord = z
  .strictObject({ type: RecordType, title: text(200), appointmentId: Uuid.nullish(), data: ClinicalData })
  .openapi('CreateRecord', {
    example: {
      type: 'visit_note',
      title: 'Follow-up of blood pressure',
      data: { systolic: 128, diastolic: 82, plan: 'Continue, control in three months.' },
    },
  })
export type CreateRecord = z.infer<typeof CreateRecord>

export const AmendRecord = z
  .strictObject({ reason: lines(500), data: ClinicalData })
  .openapi('AmendRecord', { example: { reason: amendment.reason, data: amendment.data } })
export type AmendRecord = z.infer<typeof AmendRecord>

const MAX_DAYS = 3650

const PrescriptionEvent = z
  .object({
    id: Uuid,
    kind: z.enum(['stopped', 'renewed']),
    at: Instant,
    reason: z.string().max(500).nullable(),
    until: Day.optional().openapi({ description: 'The last day, if the renewal named one.' }),
    data: StoredData.optional(),
  })
  .openapi('PrescriptionEvent', {
    example: {
      id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e41',
      kind: 'renewed',
      at: '2026-05-28T09:10:00Z',
      reason: 'Well tolerated.',
      until: '2026-08-31',
    },
  })

export const Prescription = z
  .object({
    ...envelope,
    medicines: z
      .array(
        z.object({
          name: z.string().max(200),
          dosage: z.string().max(200),
          frequency: z.string().max(200),
          durationDays: z.int().min(1).max(MAX_DAYS),
          notes: z.string().max(1000).optional(),
        }),
      )
      .max(50),
    status: z.enum(['active', 'ended', 'stopped']).openapi({ description: 'The status today (UTC).' }),
    activeUntil: Day.nullable().openapi({
      description:
        'The last day of the longest medicine, counted from the day of writing or of the newest renewal; null when stopped.',
    }),
    events: z
      .array(PrescriptionEvent)
      .max(MAX_ENTRIES)
      .openapi({ description: 'Stops and renewals, oldest first; events are never changed or removed.' }),
  })
  .openapi('Prescription', {
    example: {
      ...exampleEnvelope,
      id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e40',
      medicines: [{ name: 'Lisinopril', dosage: '10 mg', frequency: 'once a day', durationDays: 90 }],
      status: 'active',
      activeUntil: '2026-05-30',
      events: [],
    },
  })
export type Prescription = z.infer<typeof Prescription>

export const PrescriptionPage = pageOf('Prescription', Prescription)

const Medicine = z
  .strictObject({
    name: text(200),
    dosage: text(200),
    frequency: text(200),
    durationDays: z.int().min(1).max(MAX_DAYS),
    notes: lines(1000).nullish(),
  })
  .openapi('Medicine', {
    example: { name: 'Lisinopril', dosage: '10 mg', frequency: 'once a day', durationDays: 90, notes: 'with water' },
  })

export const CreatePrescription = z
  .strictObject({ appointmentId: Uuid.nullish(), medicines: z.array(Medicine).min(1).max(50) })
  .openapi('CreatePrescription', {
    example: {
      medicines: [{ name: 'Lisinopril', dosage: '10 mg', frequency: 'once a day', durationDays: 90 }],
    },
  })
export type CreatePrescription = z.infer<typeof CreatePrescription>

const reason = lines(500).nullish()

export const StopPrescription = z
  .strictObject({ reason, data: ClinicalData.optional() })
  .openapi('StopPrescription', { example: { reason: 'Dry cough.' } })
export type StopPrescription = z.infer<typeof StopPrescription>

export const RenewPrescription = z
  .strictObject({
    reason,
    data: ClinicalData.optional(),
    until: byClock(Day, renewable).optional().openapi({
      description: 'The last day of every medicine, today or later. Without it, each runs for its own duration again.',
    }),
  })
  .openapi('RenewPrescription', { example: { reason: 'Well tolerated.', until: '2026-08-31' } })
export type RenewPrescription = z.infer<typeof RenewPrescription>

const written = {
  ...pageFields,
  doctorId: Uuid.optional().openapi({ description: 'Written by this doctor.' }),
  from: InstantInput.optional().openapi({ description: 'Written at this instant or later.' }),
  to: InstantInput.optional().openapi({ description: 'Written at this instant or earlier.' }),
}
export const ListRecordsQuery = ordered(
  z.strictObject({
    ...written,
    type: RecordType.optional(),
    q: text(200).optional().openapi({
      description:
        'Words that must all occur in the record or its amendments, in any case and with or without accents; at least one of them as a whole word.',
      example: 'penicillin rash',
    }),
  }),
)
export type ListRecordsQuery = z.infer<typeof ListRecordsQuery>
export const ListPrescriptionsQuery = ordered(
  z.strictObject({
    ...written,
    activeOn: Day.optional().openapi({
      description: 'Active on this day (UTC). A prescription that was stopped on this day does not count as active.',
    }),
  }),
)
export type ListPrescriptionsQuery = z.infer<typeof ListPrescriptionsQuery>

/** The id of a patient or of a document. */
export const IdPath = z.strictObject({ id: Uuid })

export const History = z
  .object({
    records: z.array(MedicalRecord).max(20),
    recordsNextCursor: z.string().max(500).nullable(),
    prescriptions: z.array(Prescription).max(20),
    prescriptionsNextCursor: z.string().max(500).nullable(),
  })
  .openapi('History', {
    description:
      'The newest 20 of each kind; use the cursors with `/patients/{id}/records` and `/patients/{id}/prescriptions`.',
    example: { records: [], recordsNextCursor: null, prescriptions: [], prescriptionsNextCursor: null },
  })
export type History = z.infer<typeof History>
