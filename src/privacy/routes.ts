import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { formatInstant } from '../http/schemas'
import { PatientPath } from '../patients/schemas'
import { listAccessLog } from './access-log'
import { erasePatient } from './erase'
import { exportPatient } from './export'
import { PatientExport } from './export-schemas'
import { AccessLogPage, AccessLogQuery, PatientErasure } from './schemas'

const listAccessLogOperation = operation({
  method: 'get',
  path: '/patients/{id}/access-log',
  tag: 'Privacy',
  operationId: 'listAccessLog',
  summary: "Read who touched a patient's data",
  description:
    'Reads, changes and refused attempts, newest first, complete from the moment each was answered. This request itself is on the list from the next one on.',
  access: ['patient', 'admin'],
  who: 'patients for themselves and those they are guardians of, admins',
  audit: { kind: 'access_log.read', action: 'R' },
  params: PatientPath,
  query: AccessLogQuery,
  answer: { status: 200, description: 'A page of what is on record', schema: AccessLogPage },
})

const exportPatientOperation = operation({
  method: 'get',
  path: '/patients/{id}/export',
  tag: 'Privacy',
  operationId: 'exportPatient',
  summary: 'Export all that is held about a patient',
  description:
    'Sent as it is read, however much there is. A failure on the way cuts the connection: what arrived whole is complete. Admins get no clinical text: records and prescriptions are null, and so are the reasons of appointments.',
  access: ['patient', 'admin'],
  who: 'patients for themselves and those they are guardians of, admins',
  audit: { kind: 'patient.export', action: 'R' },
  params: PatientPath,
  answer: { status: 200, description: 'Everything', schema: PatientExport },
})

const erasePatientOperation = operation({
  method: 'post',
  path: '/patients/{id}/erase',
  tag: 'Privacy',
  operationId: 'erasePatient',
  summary: 'Erase who a patient is',
  description:
    'Name, email, phone and address go, of the day of birth the year stays (as 1 January), the account is closed and its sessions end, guardians are let go, and waitlist entries and stored answers that name the patient are deleted. Clinical documents, appointments, payments and the audit trail are kept as the law demands; none of them holds the name. It cannot be undone; doing it again changes nothing. 409 while appointments lie ahead.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'patient.erase', action: 'D' },
  params: PatientPath,
  answer: { status: 200, description: 'Since when the patient is erased', schema: PatientErasure },
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

  mutation(erasePatientOperation, async (ctx, { params: { id } }) => {
    const { erasedAt } = await erasePatient(ctx, id)
    return answer({ id, erasedAt: formatInstant(erasedAt) }, { audit: { patientIds: [id], targetId: id } })
  })

  return app
}
