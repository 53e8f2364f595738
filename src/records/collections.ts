import type { AppendOnly } from '../database/clinical-writes/append'
import type { CollectionSpec, Mongo } from '../database/mongo'
import type { FileType } from './attachments/file-type'

type Author = { id: string; name: string }
type Data = Record<string, unknown>

/** What every clinical document has, whatever it says. `doctor` is as it was at writing; `doctorId` is for the indexes. */
type Envelope = {
  _id: string
  schemaVersion: 1
  patientId: string
  doctorId: string
  doctor: Author
  appointmentId: string | null
  createdAt: Date
}

/** `data` is what was first written, and never changes. */
export type MedicalRecordDocument = Envelope & {
  type: string
  title: string
  data: Data
  amendments: Amendment[]
  attachments?: Attachment[]
}

export type Amendment = { id: string; reason: string; data: Data; author: Author; createdAt: Date }

/** `fileId` is the content's in GridFS. */
export type Attachment = {
  id: string
  fileId: string
  filename: string
  contentType: FileType
  size: number
  sha256: string
  doctor: Author
  createdAt: Date
}

export type PrescriptionDocument = Envelope & { medicines: Medicine[]; events?: PrescriptionEvent[] }

export type Medicine = { name: string; dosage: string; frequency: string; durationDays: number; notes?: string }

/** `until` is a day, as a renewal may name one. */
export type PrescriptionEvent = {
  id: string
  kind: 'stopped' | 'renewed'
  at: Date
  reason: string | null
  until?: string
  data?: Data
}

export const MEDICAL_RECORDS = 'medical_records'
export const PRESCRIPTIONS = 'prescriptions'

export const medicalRecords = (mongo: Mongo) => mongo.collection<MedicalRecordDocument>(MEDICAL_RECORDS)
export const prescriptions = (mongo: Mongo) => mongo.collection<PrescriptionDocument>(PRESCRIPTIONS)

export const AMENDMENTS: AppendOnly = { collection: MEDICAL_RECORDS, list: 'amendments', names: ['id'] }
export const ATTACHMENTS: AppendOnly = { collection: MEDICAL_RECORDS, list: 'attachments', names: ['id', 'fileId'] }
export const EVENTS: AppendOnly = { collection: PRESCRIPTIONS, list: 'events', names: ['id'] }

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

/**
 * Every word of a record, its history included, under its patient. No language: words are taken as they stand, with no
 * stems and none left out. Documents name their language in a field, and `language` is one that clients may use for
 * something else, to be refused for it by MongoDB; `__proto__` is one that no request gets past the door.
 */
const words = {
  key: { patientId: 1, '$**': 'text' },
  name: 'patient_words',
  default_language: 'none',
  language_override: '__proto__',
} as const

export const CLINICAL_COLLECTIONS: CollectionSpec[] = [
  {
    name: MEDICAL_RECORDS,
    validator: validator(['type', 'title', 'data', 'amendments'], {
      type: { bsonType: 'string' },
      title: { bsonType: 'string' },
      data: { bsonType: 'object' },
      amendments: { bsonType: 'array' },
      attachments: { bsonType: 'array' },
    }),
    indexes: [
      ...indexes,
      { key: { patientId: 1, type: 1, createdAt: -1, _id: -1 }, name: 'patient_type_newest' },
      { key: { 'attachments.id': 1 }, name: 'attachments', sparse: true },
      words,
    ],
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
      events: { bsonType: 'array' },
    }),
    indexes: [...indexes],
  },
]
