import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { Instant, InstantInput, text, Uuid } from '../http/schemas'
import { ClinicalData } from './clinical-data'

const RecordType = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9_]{1,39}$/, 'must be 2 to 40 small letters, digits and _, like visit_note')
  .openapi({ example: 'visit_note' })

const Author = z.object({ id: Uuid, name: z.string().max(200) }).openapi('Author', {
  description: 'The doctor who wrote it, under the name they had then.',
  example: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', name: 'Dr. Maya Chen' },
})

const StoredData = z.record(z.string(), z.unknown()).openapi({ type: 'object', additionalProperties: true })

const envelope = {
  id: Uuid,
  patientId: Uuid,
  doctor: Author,
  appointmentId: Uuid.nullable(),
  createdAt: Instant,
}

const exampleEnvelope = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e30',
  patientId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
  doctor: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', name: 'Dr. Maya Chen' },
  appointmentId: null,
  createdAt: '2026-03-02T14:25:00Z',
}

export const MedicalRecord = z
  .object({
    ...envelope,
    type: z.string().max(40),
    title: z.string().max(200),
    data: StoredData,
    amendments: z.array(z.object({ reason: z.string().max(500), data: StoredData, createdAt: Instant })).max(1000),
  })
  .openapi('MedicalRecord', {
    example: {
      ...exampleEnvelope,
      type: 'visit_note',
      title: 'Follow-up of blood pressure',
      data: { systolic: 128, diastolic: 82, plan: 'Continue, control in three months.' },
      amendments: [],
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

const MAX_DAYS = 3650

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
  })
  .openapi('Prescription', {
    example: {
      ...exampleEnvelope,
      id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e40',
      medicines: [{ name: 'Lisinopril', dosage: '10 mg', frequency: 'once a day', durationDays: 90 }],
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
    notes: text(1000).nullish(),
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

const written = {
  ...pageFields,
  doctorId: Uuid.optional().openapi({ description: 'Written by this doctor.' }),
  from: InstantInput.optional().openapi({ description: 'Written at this instant or later.' }),
  to: InstantInput.optional().openapi({ description: 'Written at this instant or earlier.' }),
}
export const ListRecordsQuery = z.strictObject({ ...written, type: RecordType.optional() })
export type ListRecordsQuery = z.infer<typeof ListRecordsQuery>
export const ListPrescriptionsQuery = z.strictObject(written)
export type ListPrescriptionsQuery = z.infer<typeof ListPrescriptionsQuery>

/** A patient's, or one document's. */
export const IdPath = z.strictObject({ id: Uuid })
