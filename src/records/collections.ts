import type { CollectionSpec, Mongo } from '../database/mongo'

/** What every clinical document has, whatever it says. `doctor` is as it was at writing; `doctorId` is for the indexes. */
type Envelope = {
  _id: string
  schemaVersion: 1
  patientId: string
  doctorId: string
  doctor: { id: string; name: string }
  appointmentId: string | null
  createdAt: Date
}

export type MedicalRecordDocument = Envelope & {
  type: string
  title: string
  data: Record<string, unknown>
  amendments: Amendment[]
}

export type Amendment = { reason: string; data: Record<string, unknown>; createdAt: Date }

export type PrescriptionDocument = Envelope & { medicines: Medicine[] }

export type Medicine = { name: string; dosage: string; frequency: string; durationDays: number; notes?: string }

export const MEDICAL_RECORDS = 'medical_records'
export const PRESCRIPTIONS = 'prescriptions'

export const medicalRecords = (mongo: Mongo) => mongo.collection<MedicalRecordDocument>(MEDICAL_RECORDS)
export const prescriptions = (mongo: Mongo) => mongo.collection<PrescriptionDocument>(PRESCRIPTIONS)

const uuid = { bsonType: 'string', pattern: '^[0-9a-f-]{36}$' }
const number = ['int', 'long', 'double']

/** Checks the fixed part of version 1; later versions pass, and so does the mark of an id that was given up. */
const validator = (required: string[], properties: Record<string, object>) => ({
  $or: [
    {
      $jsonSchema: {
        required: ['schemaVersion', 'patientId', 'doctorId', 'doctor', 'appointmentId', 'createdAt', ...required],
        properties: {
          _id: uuid,
          schemaVersion: { enum: [1] },
          patientId: uuid,
          doctorId: uuid,
          doctor: {
            bsonType: 'object',
            required: ['id', 'name'],
            properties: { id: uuid, name: { bsonType: 'string' } },
          },
          appointmentId: { anyOf: [uuid, { bsonType: 'null' }] },
          createdAt: { bsonType: 'date' },
          ...properties,
        },
      },
    },
    { schemaVersion: { $gt: 1 } },
    { voidedAt: { $type: 'date' } },
  ],
})

/** The first for one doctor's documents of a patient, the second for lists of all. */
const indexes = [
  { key: { patientId: 1, doctorId: 1, createdAt: -1 }, name: 'patient_doctor_newest' },
  { key: { patientId: 1, createdAt: -1, _id: -1 }, name: 'patient_newest' },
] as const

export const CLINICAL_COLLECTIONS: CollectionSpec[] = [
  {
    name: MEDICAL_RECORDS,
    validator: validator(['type', 'title', 'data', 'amendments'], {
      type: { bsonType: 'string' },
      title: { bsonType: 'string' },
      data: { bsonType: 'object' },
      amendments: { bsonType: 'array' },
    }),
    indexes: [...indexes],
  },
  {
    name: PRESCRIPTIONS,
    validator: validator(['medicines'], {
      medicines: {
        bsonType: 'array',
        minItems: 1,
        items: {
          required: ['name', 'dosage', 'frequency', 'durationDays'],
          properties: { durationDays: { bsonType: number } },
        },
      },
    }),
    indexes: [...indexes],
  },
]
