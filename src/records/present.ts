import { formatInstant } from '../http/schemas'
import type { MedicalRecordDocument, PrescriptionDocument } from './collections'
import type { MedicalRecord, Prescription } from './schemas'

const presentEnvelope = ({
  _id,
  patientId,
  doctor,
  appointmentId,
  createdAt,
}: MedicalRecordDocument | PrescriptionDocument) => ({
  id: _id,
  patientId,
  doctor: { id: doctor.id, name: doctor.name },
  appointmentId,
  createdAt: formatInstant(createdAt),
})

export const presentRecord = (document: MedicalRecordDocument): MedicalRecord => ({
  ...presentEnvelope(document),
  type: document.type,
  title: document.title,
  data: document.data,
  amendments: document.amendments.map(({ reason, data, createdAt }) => ({
    reason,
    data,
    createdAt: formatInstant(createdAt),
  })),
})

export const presentPrescription = (document: PrescriptionDocument): Prescription => ({
  ...presentEnvelope(document),
  medicines: document.medicines.map(({ name, dosage, frequency, durationDays, notes }) => ({
    name,
    dosage,
    frequency,
    durationDays,
    ...(notes !== undefined && { notes }),
  })),
})
