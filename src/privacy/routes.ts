import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { READABLE_FOR_GOOD } from '../http/operations/replay'
import { createRouter } from '../http/operations/router'
import { formatInstant } from '../http/schemas'
import { PatientPath } from '../patients/schemas'
import { AccessLogPage, AccessLogQuery } from './access-log/schemas'
import { listAccessLog } from './access-log/service'
import { PatientErasure } from './erasure/schemas'
import { erasePatient } from './erasure/service'
import { PatientExport } from './export/schemas'
import { exportPatient } from './export/service'

const listAccessLogOperation = operation({
  method: 'get',
  path: '/patients/{id}/access-log',
  tag: 'Privacy',
  operationId: 'listAccessLog',
  summary: "Read a patient's access log",
  description:
    "Lists reads, changes and refused attempts on the patient's data, newest first. An event is in the log as soon as its request is answered; this request appears in the next answer.",
  access: ['patient', 'admin'],
  who: 'patients for themselves and their wards, admins',
  audit: { kind: 'access_log.read', action: 'R' },
  params: PatientPath,
  query: AccessLogQuery,
  answer: { status: 200, description: 'A page of the access log', schema: AccessLogPage },
})

const exportPatientOperation = operation({
  method: 'get',
  path: '/patients/{id}/export',
  tag: 'Privacy',
  operationId: 'exportPatient',
  summary: "Export a patient's data",
  description:
    'Streams all stored data about the patient as one JSON document. An error while streaming closes the connection, so a complete JSON document is a complete export. Admins get no clinical text: records, prescriptions and the reasons of appointments are null.',
  access: ['patient', 'admin'],
  who: 'patients for themselves and their wards, admins',
  audit: { kind: 'patient.export', action: 'R' },
  params: PatientPath,
  answer: { status: 200, description: 'All data about the patient', schema: PatientExport },
})

const erasePatientOperation = operation({
  method: 'post',
  path: '/patients/{id}/erase',
  tag: 'Privacy',
  operationId: 'erasePatient',
  summary: "Erase a patient's personal data",
  description:
    'Erases name, email, phone and address, and keeps only the year of the date of birth (as 1 January). Closes the account, ends its sessions, removes guardians and deletes waitlist entries and stored answers that name the patient. Clinical documents, appointments, payments and the audit trail stay, as the law requires; none of them holds the name. This cannot be undone; a second request changes nothing. 409 while the patient has open appointments.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'patient.erase', action: 'D' },
  params: PatientPath,
  answer: { status: 200, description: 'When the patient was erased', schema: PatientErasure },
  problems: ['invalid_state'],
})

export function privacyRoutes(deps: Deps) {
  const { app, read, stream, mutation } = createRouter(deps)

  read(listAccessLogOperation, async (ctx, { params: { id }, query }) =>
    answer(await listAccessLog(ctx, id, query), { audit: { patientIds: [id], targetId: id } }),
  )

  stream(exportPatientOperation, async (ctx, { params: { id } }) =>
    answer(await exportPatient(ctx, id), {
      headers: { 'Content-Disposition': `attachment; filename="patient-${id}.json"` },
      audit: { patientIds: [id], targetId: id },
    }),
  )

  mutation(erasePatientOperation, READABLE_FOR_GOOD, async (ctx, { params: { id } }) => {
    const { erasedAt } = await erasePatient(ctx, id)
    return answer({ id, erasedAt: formatInstant(erasedAt) }, { audit: { patientIds: [id], targetId: id } })
  })

  return app
}
