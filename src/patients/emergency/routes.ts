import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { createRouter } from '../../http/operations/router'
import { formatInstant } from '../../http/schemas'
import { READABLE_FOR_PATIENT } from '../replay'
import { PatientPath } from '../schemas'
import { EmergencyAccess, OpenEmergencyAccess } from './schemas'
import { EMERGENCIES_A_DAY, openEmergencyAccess } from './service'

const openEmergencyAccessOperation = operation({
  method: 'post',
  path: '/patients/{id}/emergency-access',
  tag: 'Patients',
  operationId: 'openEmergencyAccess',
  summary: 'Open emergency access',
  description: `For four hours the doctor may read the patient's data and write records as with a treatment relationship. At most ${EMERGENCIES_A_DAY} in 24 hours (429). The patient sees it, and everything that was read, in their access log; admins review it.`,
  access: ['doctor'],
  who: 'verified doctors (others 403), for any patient',
  audit: { kind: 'emergency_access', action: 'E' },
  params: PatientPath,
  body: OpenEmergencyAccess,
  answer: {
    status: 201,
    description: 'When the emergency access ends',
    schema: EmergencyAccess,
    headers: ['Location'],
  },
  problems: ['forbidden'],
})

export function emergencyRoutes(deps: Deps) {
  const { app, mutation } = createRouter(deps)

  mutation(openEmergencyAccessOperation, READABLE_FOR_PATIENT, async (ctx, { params, body }) => {
    const opened = await openEmergencyAccess(ctx, params.id, body)
    if ('refused' in opened) return opened
    return answer(
      { expiresAt: formatInstant(opened.expiresAt) },
      {
        location: `/patients/${params.id}`,
        audit: { patientIds: [params.id], targetId: opened.id, purpose: 'emergency' },
      },
    )
  })

  return app
}
