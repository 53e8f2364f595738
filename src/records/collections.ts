import type { AppendOnly } from '../database/clinical-writes/append'
import type { CollectionSpec, Mongo } from '../database/mongo'
import type { FileType } from './attachments/file-type'

type Author = { id: string; name: string }
type Data = Record<string, unknown>

/** Fields of every clinical document. `doctor` is the author with the name at that time; `doctorId` serves the indexes. */
type Envelope = {
  _id: string
  schemaVersion: 1
  patientId: string
  doctorId: string
  doctor: Author
  appointmentId: string | null
  createdAt: Date
}

/** `data` is the original content and never changes; amendments hold the later versions. */
export type MedicalRecordDocument = Envelope & {
  type: string
  title: string
  data: Data
  amendments: Amendment[]
  attachments?: StoredAttachment[]
}

export type Amendment = { id: string; reason: string; data: Data; author: Author; createdAt: Date }

/** An attachment inside a record document; `fileId` names the content in GridFS. */
export type StoredAttachment = {
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

/** `until` is the last day (YYYY-MM-DD, UTC), if the renewal names one. */
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

/** Checks the fixed fields of schema version 1; accepts later versions and tombstones (`voidedAt`). */
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

/** The first serves one doctor's documents of a patient, the second all documents of a patient. */
const indexes = [
  { key: { patientId: 1, doctorId: 1, createdAt: -1 }, name: 'patient_doctor_newest' },
  { key: { patientId: 1, createdAt: -1, _id: -1 }, name: 'patient_newest' },
] as const

/**
 * Every word of a record and its amendments, per patient; without a language there are no stems and no stop words.
 * A text index takes a document's language from a field. The default, `language`, may occur in `data` with any value;
 * `__proto__` is refused on input and so never does.
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
