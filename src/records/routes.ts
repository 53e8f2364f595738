import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operation'
import { createRouter } from '../http/router'
import { MEDICAL_RECORDS, type MedicalRecordDocument, PRESCRIPTIONS, type PrescriptionDocument } from './collections'
import { presentPrescription, presentRecord } from './present'
import {
  CreatePrescription,
  CreateRecord,
  IdPath,
  ListPrescriptionsQuery,
  ListRecordsQuery,
  MedicalRecord,
  MedicalRecordPage,
  Prescription,
  PrescriptionPage,
} from './schemas'
import { getPrescription, getRecord, listPrescriptions, listRecords } from './service'
import { composePrescription, composeRecord } from './write'

const READERS = ['patient', 'doctor'] as const
const WHO_READS =
  'patients for themselves and those they are guardians of, doctors for the patients related to them and for what they wrote themselves'
const WHO_WRITES = 'doctors for the patients related to them'

const listRecordsOperation = operation({
  method: 'get',
  path: '/patients/{id}/records',
  tag: 'Records',
  operationId: 'listRecords',
  summary: "List a patient's records",
  description:
    'Newest first. A doctor who is no longer related to the patient still finds what they wrote, by their own `doctorId`.',
  access: READERS,
  who: WHO_READS,
  audit: { kind: 'record.list', action: 'R' },
  params: IdPath,
  query: ListRecordsQuery,
  answer: { status: 200, description: 'A page of records', schema: MedicalRecordPage },
})

const listPrescriptionsOperation = operation({
  method: 'get',
  path: '/patients/{id}/prescriptions',
  tag: 'Records',
  operationId: 'listPrescriptions',
  summary: "List a patient's prescriptions",
  description:
    'Newest first. A doctor who is no longer related to the patient still finds what they wrote, by their own `doctorId`.',
  access: READERS,
  who: WHO_READS,
  audit: { kind: 'prescription.list', action: 'R' },
  params: IdPath,
  query: ListPrescriptionsQuery,
  answer: { status: 200, description: 'A page of prescriptions', schema: PrescriptionPage },
})

const getRecordOperation = operation({
  method: 'get',
  path: '/records/{id}',
  tag: 'Records',
  operationId: 'getRecord',
  summary: 'Read a record',
  description: 'One clinical document as it was written.',
  access: READERS,
  who: WHO_READS,
  audit: { kind: 'record.read', action: 'R' },
  params: IdPath,
  answer: { status: 200, description: 'The record', schema: MedicalRecord },
})

const getPrescriptionOperation = operation({
  method: 'get',
  path: '/prescriptions/{id}',
  tag: 'Records',
  operationId: 'getPrescription',
  summary: 'Read a prescription',
  description: 'One prescription as it was written.',
  access: READERS,
  who: WHO_READS,
  audit: { kind: 'prescription.read', action: 'R' },
  params: IdPath,
  answer: { status: 200, description: 'The prescription', schema: Prescription },
})

const createRecordOperation = operation({
  method: 'post',
  path: '/patients/{id}/records',
  tag: 'Records',
  operationId: 'createRecord',
  summary: 'Write a record',
  description: 'A visit note, diagnosis, lab result or any other typed document with free-form `data`.',
  access: ['doctor'],
  who: WHO_WRITES,
  audit: { kind: 'record.create', action: 'C' },
  params: IdPath,
  body: CreateRecord,
  answer: { status: 201, description: 'The record', schema: MedicalRecord, headers: ['Location'] },
})

const createPrescriptionOperation = operation({
  method: 'post',
  path: '/patients/{id}/prescriptions',
  tag: 'Records',
  operationId: 'createPrescription',
  summary: 'Prescribe medicines',
  description: 'One prescription of one or more medicines.',
  access: ['doctor'],
  who: WHO_WRITES,
  audit: { kind: 'prescription.create', action: 'C' },
  params: IdPath,
  body: CreatePrescription,
  answer: { status: 201, description: 'The prescription', schema: Prescription, headers: ['Location'] },
})

export function recordRoutes(deps: Deps) {
  const { app, read, clinicalMutation } = createRouter(deps)

  read(listRecordsOperation, async (ctx, { params: { id }, query }) =>
    answer(await listRecords(ctx, id, query), { audit: { patientIds: [id] } }),
  )

  read(listPrescriptionsOperation, async (ctx, { params: { id }, query }) =>
    answer(await listPrescriptions(ctx, id, query), { audit: { patientIds: [id] } }),
  )

  read(getRecordOperation, async (ctx, { params: { id } }) => {
    const record = await getRecord(ctx, id)
    return answer(record, { audit: { patientIds: [record.patientId], targetId: id } })
  })

  read(getPrescriptionOperation, async (ctx, { params: { id } }) => {
    const prescription = await getPrescription(ctx, id)
    return answer(prescription, { audit: { patientIds: [prescription.patientId], targetId: id } })
  })

  clinicalMutation(createRecordOperation, async (ctx, { params, body }, fixed) => ({
    collection: MEDICAL_RECORDS,
    document: await composeRecord(ctx, params.id, body, fixed),
    present: (document: MedicalRecordDocument) =>
      answer(presentRecord(document), { location: `/records/${document._id}` }),
  }))

  clinicalMutation(createPrescriptionOperation, async (ctx, { params, body }, fixed) => ({
    collection: PRESCRIPTIONS,
    document: await composePrescription(ctx, params.id, body, fixed),
    present: (document: PrescriptionDocument) =>
      answer(presentPrescription(document), { location: `/prescriptions/${document._id}` }),
  }))

  return app
}
