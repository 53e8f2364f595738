import { lookUpDocument, lookUpEntry } from '../database/clinical-writes/look-up'
import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { attachmentRoutes } from './attachments/routes'
import { MAX_BODY_BYTES } from './clinical-data'
import {
  AMENDMENTS,
  EVENTS,
  MEDICAL_RECORDS,
  type MedicalRecordDocument,
  PRESCRIPTIONS,
  type PrescriptionDocument,
} from './collections'
import { composeAmendment, composeRenewal, composeStop } from './compose-append'
import { composePrescription, composeRecord } from './compose-insert'
import { presentPrescription, presentRecord } from './present'
import { READABLE_DOCUMENT } from './replay'
import {
  AmendRecord,
  CreatePrescription,
  CreateRecord,
  IdPath,
  ListPrescriptionsQuery,
  ListRecordsQuery,
  MedicalRecord,
  MedicalRecordPage,
  Prescription,
  PrescriptionPage,
  RenewPrescription,
  StopPrescription,
} from './schemas'
import { getOwnPrescription, getOwnRecord, getPrescription, getRecord, listPrescriptions, listRecords } from './service'

const READERS = ['patient', 'doctor'] as const
const WHO_READS =
  'patients for themselves and their wards, doctors for patients with whom they have a treatment relationship and for what they wrote themselves'
const WHO_WRITES = 'doctors for patients with whom they have a treatment relationship'
const AUTHOR = 'the doctor who wrote it, even after the treatment relationship has ended'

const listRecordsOperation = operation({
  method: 'get',
  path: '/patients/{id}/records',
  tag: 'Records',
  operationId: 'listRecords',
  summary: "List a patient's records",
  description:
    'Newest first. A doctor without a treatment relationship still finds the records they wrote, by their own `doctorId`.',
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
    'Newest first. A doctor without a treatment relationship still finds the prescriptions they wrote, by their own `doctorId`.',
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
  description: 'Returns the record with its current content, its original content and every amendment.',
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
  description: 'Returns the prescription with its events (stops and renewals) and its status today.',
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
  summary: 'Create a record',
  description: 'Stores a visit note, diagnosis, lab result or any other type of document, with free-form `data`.',
  access: ['doctor'],
  who: WHO_WRITES,
  audit: { kind: 'record.create', action: 'C' },
  params: IdPath,
  body: CreateRecord,
  maxBodyBytes: MAX_BODY_BYTES,
  answer: { status: 201, description: 'The record', schema: MedicalRecord, headers: ['Location'] },
})

const createPrescriptionOperation = operation({
  method: 'post',
  path: '/patients/{id}/prescriptions',
  tag: 'Records',
  operationId: 'createPrescription',
  summary: 'Prescribe medicines',
  description: 'Creates one prescription of one or more medicines.',
  access: ['doctor'],
  who: WHO_WRITES,
  audit: { kind: 'prescription.create', action: 'C' },
  params: IdPath,
  body: CreatePrescription,
  maxBodyBytes: MAX_BODY_BYTES,
  answer: { status: 201, description: 'The prescription', schema: Prescription, headers: ['Location'] },
})

const amendRecordOperation = operation({
  method: 'post',
  path: '/records/{id}/amendments',
  tag: 'Records',
  operationId: 'amendRecord',
  summary: 'Amend a record',
  description:
    'Adds new content that replaces the current one, with a reason. Nothing is lost: the original content is in `originalData`, every amendment in `amendments`.',
  access: ['doctor'],
  who: AUTHOR,
  audit: { kind: 'record.amend', action: 'U' },
  params: IdPath,
  body: AmendRecord,
  maxBodyBytes: MAX_BODY_BYTES,
  answer: { status: 201, description: 'The amended record', schema: MedicalRecord, headers: ['Location'] },
  problems: ['invalid_state'],
})

const stopPrescriptionOperation = operation({
  method: 'put',
  path: '/prescriptions/{id}/stop',
  tag: 'Records',
  operationId: 'stopPrescription',
  summary: 'Stop a prescription',
  description: 'The prescription is not active from today (UTC) on, unless it is renewed. A second stop is refused.',
  access: ['doctor'],
  who: AUTHOR,
  audit: { kind: 'prescription.stop', action: 'U' },
  params: IdPath,
  body: StopPrescription,
  maxBodyBytes: MAX_BODY_BYTES,
  answer: { status: 200, description: 'The prescription', schema: Prescription },
  problems: ['invalid_state'],
})

const renewPrescriptionOperation = operation({
  method: 'put',
  path: '/prescriptions/{id}/renew',
  tag: 'Records',
  operationId: 'renewPrescription',
  summary: 'Renew a prescription',
  description:
    'Each medicine runs for its own duration again from today (UTC), or until the given day. An ended or stopped prescription becomes active again. A renewal never makes a prescription end sooner.',
  access: ['doctor'],
  who: AUTHOR,
  audit: { kind: 'prescription.renew', action: 'U' },
  params: IdPath,
  body: RenewPrescription,
  maxBodyBytes: MAX_BODY_BYTES,
  answer: { status: 200, description: 'The prescription', schema: Prescription },
  problems: ['invalid_state'],
})

export function recordRoutes(deps: Deps) {
  const { app, read, clinicalMutation } = createRouter(deps)
  app.route('/', attachmentRoutes(deps))

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

  clinicalMutation(createRecordOperation, READABLE_DOCUMENT, {
    lookUp: lookUpDocument(MEDICAL_RECORDS),
    plan: async (ctx, { params, body }, fixed) => ({
      ...(await composeRecord(ctx, params.id, body, fixed)),
      present: (record: MedicalRecordDocument) => answer(presentRecord(record), { location: `/records/${record._id}` }),
    }),
  })

  clinicalMutation(createPrescriptionOperation, READABLE_DOCUMENT, {
    lookUp: lookUpDocument(PRESCRIPTIONS),
    plan: async (ctx, { params, body }, fixed) => ({
      ...(await composePrescription(ctx, params.id, body, fixed)),
      present: (prescription: PrescriptionDocument) =>
        answer(presentPrescription(prescription, ctx.now), { location: `/prescriptions/${prescription._id}` }),
    }),
  })

  clinicalMutation(amendRecordOperation, READABLE_DOCUMENT, {
    lookUp: lookUpEntry(AMENDMENTS),
    beforeTransaction: (ctx, { params }) => getOwnRecord(ctx, params.id),
    plan: async (ctx, { body }, fixed, record) => ({
      ...(await composeAmendment(ctx, record, body, fixed)),
      present: (amended: MedicalRecordDocument) =>
        answer(presentRecord(amended), { location: `/records/${amended._id}` }),
    }),
  })

  clinicalMutation(stopPrescriptionOperation, READABLE_DOCUMENT, {
    lookUp: lookUpEntry(EVENTS),
    beforeTransaction: (ctx, { params }) => getOwnPrescription(ctx, params.id),
    plan: async (ctx, { body }, fixed, prescription) => ({
      ...composeStop(prescription, body, fixed),
      present: (stopped: PrescriptionDocument) => answer(presentPrescription(stopped, ctx.now)),
    }),
  })

  clinicalMutation(renewPrescriptionOperation, READABLE_DOCUMENT, {
    lookUp: lookUpEntry(EVENTS),
    beforeTransaction: (ctx, { params }) => getOwnPrescription(ctx, params.id),
    plan: async (ctx, { body }, fixed, prescription) => ({
      ...composeRenewal(prescription, body, fixed),
      present: (renewed: PrescriptionDocument) => answer(presentPrescription(renewed, ctx.now)),
    }),
  })

  return app
}
