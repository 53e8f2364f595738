import type { TransactionContext } from '../deps'
import { invalid, notFound } from '../errors'
import type { MedicalRecordDocument, PrescriptionDocument } from './collections'
import { findAuthorship } from './queries'
import type { CreatePrescription, CreateRecord } from './schemas'

type Fixed = { id: string; createdAt: Date }

/** Throws not_found for a patient not related to the doctor, validation_failed for an appointment not of the two. */
export async function composeRecord(
  ctx: TransactionContext,
  patientId: string,
  { type, title, appointmentId, data }: CreateRecord,
  fixed: Fixed,
): Promise<MedicalRecordDocument> {
  return { ...(await composeEnvelope(ctx, patientId, appointmentId, fixed)), type, title, data, amendments: [] }
}

/** Throws as `composeRecord` does. */
export async function composePrescription(
  ctx: TransactionContext,
  patientId: string,
  { appointmentId, medicines }: CreatePrescription,
  fixed: Fixed,
): Promise<PrescriptionDocument> {
  return {
    ...(await composeEnvelope(ctx, patientId, appointmentId, fixed)),
    medicines: medicines.map(({ notes, ...medicine }) => ({ ...medicine, ...(notes && { notes }) })),
  }
}

async function composeEnvelope(
  { db, actor, now }: TransactionContext,
  patientId: string,
  appointmentId: string | null = null,
  { id, createdAt }: Fixed,
) {
  const { doctorId } = actor
  const authorship = doctorId && (await findAuthorship(db, { ...actor, doctorId }, now, patientId, appointmentId))
  if (!authorship) throw notFound('patient')
  if (appointmentId !== null && !authorship.sharesAppointment)
    throw invalid('appointmentId', 'must be an appointment of this patient with you')
  const doctor = { id: doctorId, name: authorship.doctorName }
  return { _id: id, schemaVersion: 1 as const, patientId, doctorId, doctor, appointmentId, createdAt }
}
