import { insertClinicalDocument, type PatientDocument } from '../database/clinical-writes/insert'
import type { TransactionContext } from '../deps'
import { invalid, notFound } from '../errors'
import type { ClinicalWrite, FixedWrite } from '../http/operations/clinical-mutation'
import { MEDICAL_RECORDS, type MedicalRecordDocument, PRESCRIPTIONS, type PrescriptionDocument } from './collections'
import { findAuthorship } from './queries'
import type { CreatePrescription, CreateRecord } from './schemas'

type Insert<D extends PatientDocument> = Omit<ClinicalWrite<never, D>, 'present'>

/** Throws not_found without a treatment relationship, validation_failed for another patient's or doctor's appointment. */
export async function composeRecord(
  ctx: TransactionContext,
  patientId: string,
  { type, title, appointmentId, data }: CreateRecord,
  fixed: FixedWrite,
): Promise<Insert<MedicalRecordDocument>> {
  const envelope = await composeEnvelope(ctx, patientId, appointmentId, fixed)
  return insertInto(MEDICAL_RECORDS, { ...envelope, type, title, data, amendments: [], attachments: [] })
}

/** Throws as `composeRecord` does. */
export async function composePrescription(
  ctx: TransactionContext,
  patientId: string,
  { appointmentId, medicines }: CreatePrescription,
  fixed: FixedWrite,
): Promise<Insert<PrescriptionDocument>> {
  return insertInto(PRESCRIPTIONS, {
    ...(await composeEnvelope(ctx, patientId, appointmentId, fixed)),
    medicines: medicines.map(({ notes, ...medicine }) => ({ ...medicine, ...(notes && { notes }) })),
    events: [],
  })
}

const insertInto = <D extends PatientDocument>(collection: string, document: D): Insert<D> => ({
  patientId: document.patientId,
  targetId: document._id,
  write: (mongo) => insertClinicalDocument(mongo, collection, document),
})

async function composeEnvelope(
  ctx: TransactionContext,
  patientId: string,
  appointmentId: string | null = null,
  { id, createdAt }: FixedWrite,
) {
  const { doctorId } = ctx.actor
  const authorship = doctorId && (await findAuthorship(ctx.db, ctx, { doctorId, patientId, appointmentId }))
  if (!authorship) throw notFound('patient')
  if (appointmentId !== null && !authorship.sharesAppointment)
    throw invalid('appointmentId', 'must be an appointment of this patient with you')
  const doctor = { id: doctorId, name: authorship.doctorName }
  return { _id: id, schemaVersion: 1 as const, patientId, doctorId, doctor, appointmentId, createdAt }
}
