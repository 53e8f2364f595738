import { auditLogs } from '../../src/audit/collection'
import { relayAuditEvents } from '../../src/audit/relay'
import type { Call, Entry } from './call'
import type { World } from './world'

const emergency = { reason: 'Brought in unconscious after a fall' }

/** A new doctor each time, whose emergency access is the first one. */
const newDoctor = ({ t, clinic }: World) => t.newDoctor({ clinicId: clinic.id })

/** The audit event of an emergency access. */
async function ofEmergency(world: World): Promise<Call> {
  const { t, patient } = world
  const { actor } = await newDoctor(world)
  await t.as(actor).post(`/patients/${patient.id}/emergency-access`, emergency)
  while ((await relayAuditEvents(t.deps)) > 0);
  const log = await auditLogs(t.deps.mongo).findOne({ actorId: actor.userId, kind: 'emergency_access' })
  return { path: { seq: String(log?._id) } }
}

async function newGuardianship({ t, patient, owner }: World) {
  const { userId } = (await t.newPatient()).actor
  await t.as(owner.admin).post(`/patients/${patient.id}/guardians`, { userId })
  return { id: patient.id, userId }
}

async function ofPatientWithDocuments(world: World): Promise<Call> {
  await world.documents()
  return { path: { id: world.patient.id } }
}

/** Calls for emergency access, guardians, its review, the access log, exports and erasure. */
export const PRIVACY_CALLS: Record<string, Entry> = {
  'POST /patients/{id}/emergency-access': {
    call: async (world) => ({
      path: { id: world.patient.id },
      as: (await newDoctor(world)).actor,
      body: emergency,
    }),
    strangers: 'none',
  },
  'GET /patients/{id}/guardians': {
    call: async (world) => ({ path: { id: (await newGuardianship(world)).id } }),
    strangers: { patient: 404 },
  },
  'POST /patients/{id}/guardians': {
    call: async ({ t, patient }) => ({
      path: { id: patient.id },
      body: { userId: (await t.newPatient()).actor.userId },
    }),
    strangers: 'none',
  },
  'DELETE /patients/{id}/guardians/{userId}': {
    call: async (world) => ({ path: await newGuardianship(world) }),
    strangers: 'none',
  },
  'GET /audit/{seq}/review': { call: ofEmergency, strangers: 'none' },
  'PUT /audit/{seq}/review': { call: ofEmergency, strangers: 'none' },
  'GET /patients/{id}/access-log': { call: ofPatientWithDocuments, strangers: { patient: 404 } },
  'GET /patients/{id}/export': { call: ofPatientWithDocuments, strangers: { patient: 404 } },
  'POST /patients/{id}/erase': {
    call: async ({ t }) => ({ path: { id: (await t.newPatient()).id } }),
    strangers: 'none',
  },
}
