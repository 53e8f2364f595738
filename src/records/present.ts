import { formatInstant } from '../http/schemas'
import type { MedicalRecordDocument, PrescriptionDocument, StoredAttachment } from './collections'
import { dayOf, statusOn } from './prescription-status'
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

export function presentRecord(document: MedicalRecordDocument): MedicalRecord {
  const newest = document.amendments.at(-1)
  return {
    ...presentEnvelope(document),
    type: document.type,
    title: document.title,
    data: newest ? newest.data : document.data,
    originalData: newest ? document.data : null,
    amendments: document.amendments.map(({ id, reason, data, author, createdAt }) => ({
      id,
      reason,
      data,
      author: { id: author.id, name: author.name },
      createdAt: formatInstant(createdAt),
    })),
    attachments: (document.attachments ?? []).map((attachment) => presentAttachment(document, attachment)),
  }
}

export const presentAttachment = (
  { _id, patientId }: Pick<MedicalRecordDocument, '_id' | 'patientId'>,
  { id, filename, contentType, size, sha256, doctor, createdAt }: StoredAttachment,
): MedicalRecord['attachments'][number] => ({
  id,
  recordId: _id,
  patientId,
  filename,
  contentType,
  size,
  sha256,
  doctor: { id: doctor.id, name: doctor.name },
  createdAt: formatInstant(createdAt),
})

/** With its status on the UTC day of `now`. */
export function presentPrescription(document: PrescriptionDocument, now: Date): Prescription {
  // The copy that wrote it may have a clock ahead of ours: the day of writing may be tomorrow.
  const { status, until } = statusOn(document, dayOf(now)) ?? statusOn(document, dayOf(document.createdAt))!
  return {
    ...presentEnvelope(document),
    medicines: document.medicines.map(({ name, dosage, frequency, durationDays, notes }) => ({
      name,
      dosage,
      frequency,
      durationDays,
      ...(notes !== undefined && { notes }),
    })),
    status,
    activeUntil: status === 'stopped' ? null : until,
    events: (document.events ?? []).map(({ id, kind, at, reason, until, data }) => ({
      id,
      kind,
      at: formatInstant(at),
      reason,
      ...(until !== undefined && { until }),
      ...(data !== undefined && { data }),
    })),
  }
}
