import { beforeEach, describe, expect, test } from 'bun:test'
import type { Caller } from '../../src/actor'
import { auditLogs } from '../../src/audit/collection'
import { relayAuditEvents } from '../../src/audit/relay'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const clinic = await t.newClinic()
const admin = await t.newAdmin()

const HOUR = 3_600_000
const REASON = 'Brought in unconscious after a fall'
const relay = async () => {
  while ((await relayAuditEvents(t.deps)) > 0);
}

beforeEach(() => t.clock.set(NOW))

type Entry = { eventId: string; kind: string; outcome: string; purpose: string | null; occurredAt: string }

async function logOf(id: string, as: Caller, limit = 100): Promise<Entry[]> {
  const entries: Entry[] = []
  let cursor: string | null = null
  do {
    const query = { limit, ...(cursor && { cursor }) }
    const { status, body } = await t.as(as).get(`/patients/${id}/access-log`, { query })
    expect(status).toBe(200)
    entries.push(...body.data)
    cursor = body.nextCursor
  } while (cursor)
  return entries
}

const kinds = (entries: Entry[]) => entries.map(({ kind }) => kind).filter((kind) => kind !== 'access_log.read')

async function treated() {
  const doctor = await t.newDoctor({ clinicId: clinic.id })
  const patient = await t.newPatient()
  await t.newAppointment({ patient, doctor, startsAt: new Date(NOW.getTime() + HOUR) })
  return { doctor, patient }
}

describe('the access log of a patient', () => {
  test('the access log states the actor, the action, the time and the purpose of each access', async () => {
    const { doctor, patient } = await treated()
    const note = { type: 'visit_note', title: 'Fall', data: {} }
    const record = await t.as(doctor.actor).post(`/patients/${patient.id}/records`, note)
    t.clock.advance(HOUR)
    await t.as(admin).get(`/patients/${patient.id}`)
    const [byAdmin, byDoctor] = await logOf(patient.id, patient.actor)
    expect(byDoctor).toEqual({
      eventId: byDoctor!.eventId,
      occurredAt: '2026-01-05T12:00:00Z',
      kind: 'record.create',
      action: 'C',
      outcome: 'success',
      purpose: 'treatment',
      actor: { userId: doctor.actor.userId, role: 'doctor' },
      doctor: { id: doctor.id, name: doctor.name },
      targetId: record.body.id,
    } as Entry & object)
    expect(byAdmin).toMatchObject({
      occurredAt: '2026-01-05T13:00:00Z',
      kind: 'patient.read',
      action: 'R',
      purpose: 'operations',
      actor: { userId: admin.userId, role: 'admin' },
      doctor: null,
    })
  })

  test('the access log is complete before, during and after the relay, without gaps or repeats', async () => {
    const { doctor, patient } = await treated()
    const as = t.as(doctor.actor)
    await as.get(`/patients/${patient.id}`)
    await as.get(`/patients/${patient.id}/records`)
    const expected = ['record.list', 'patient.read']
    expect(kinds(await logOf(patient.id, admin))).toEqual(expected)
    await relay()
    expect(kinds(await logOf(patient.id, admin))).toEqual(expected)
    await as.get(`/patients/${patient.id}/prescriptions`)
    expect(kinds(await logOf(patient.id, admin))).toEqual(['prescription.list', ...expected])
    await relay()
    expect(kinds(await logOf(patient.id, admin))).toEqual(['prescription.list', ...expected])
  })

  test('the access log shows an event once even when it is relayed and still in the outbox', async () => {
    const { doctor, patient } = await treated()
    await t.as(doctor.actor).get(`/patients/${patient.id}`)
    const rows = await t.auditEvents().selectAll().execute()
    await relay()
    expect(await auditLogs(t.deps.mongo).countDocuments({ patientIds: patient.id })).toBe(1)
    // The state after a relay that crashed between the two databases.
    await t.db.insertInto('auditOutbox').values(rows).execute()
    expect(kinds(await logOf(patient.id, patient.actor))).toEqual(['patient.read'])
    await t.db.deleteFrom('auditOutbox').execute()
  })

  test('the access log pages without gaps or repeats while the relay is running', async () => {
    const { doctor, patient } = await treated()
    for (let i = 0; i < 9; i++) {
      await t.as(doctor.actor).get(`/patients/${patient.id}`)
      if (i === 4) await relay()
    }
    const path = `/patients/${patient.id}/access-log`
    const whole = kinds(await logOf(patient.id, patient.actor)).length
    expect(whole).toBe(9)

    const seen: string[] = []
    let cursor: string | null = null
    do {
      const { body } = await t.as(patient.actor).get(path, { query: { limit: 2, ...(cursor && { cursor }) } })
      seen.push(...body.data.filter(({ kind }: Entry) => kind === 'patient.read').map(({ eventId }: Entry) => eventId))
      cursor = body.nextCursor
      await relay()
    } while (cursor)
    expect(seen).toHaveLength(9)
    expect(new Set(seen).size).toBe(9)
    expect(seen).toEqual(seen.toSorted().toReversed())
  })

  test('the access log contains refused attempts and earlier reads of itself', async () => {
    const { patient } = await treated()
    const stranger = await t.newDoctor({ clinicId: clinic.id })
    expect((await t.as(stranger.actor).get(`/patients/${patient.id}`)).status).toBe(404)
    const [first] = await logOf(patient.id, patient.actor)
    expect(first).toMatchObject({
      kind: 'patient.read',
      outcome: 'denied',
      doctor: { id: stranger.id, name: stranger.name },
    })
    expect((await logOf(patient.id, patient.actor))[0]).toMatchObject({
      kind: 'access_log.read',
      purpose: 'patient_request',
      actor: { userId: patient.actor.userId, role: 'patient' },
    })
  })

  test('the access log marks emergency access only for the patient it was opened for', async () => {
    const { doctor, patient: own } = await treated()
    const patient = await t.newPatient()
    const { body } = await t.as(doctor.actor).post(`/patients/${patient.id}/emergency-access`, { reason: REASON })
    expect(body).toHaveProperty('expiresAt')
    // One event about both patients.
    expect((await t.as(doctor.actor).get('/patients')).body.data).toHaveLength(2)
    for (const relayed of [false, true]) {
      if (relayed) await relay()
      const purposes = async (id: string) =>
        (await logOf(id, admin))
          .filter(({ kind }) => kind !== 'access_log.read')
          .map(({ kind, purpose }) => [kind, purpose])
      expect(await purposes(patient.id)).toEqual([
        ['patient.list', 'emergency'],
        ['emergency_access', 'emergency'],
      ])
      expect(await purposes(own.id)).toEqual([['patient.list', 'treatment']])
    }
    expect(JSON.stringify(await logOf(patient.id, patient.actor))).not.toContain('unconscious')
  })

  test('only the patient, their guardians and admins can read the access log', async () => {
    const { doctor, patient } = await treated()
    const [guardian, stranger] = [await t.newPatient(), await t.newPatient()]
    await t.db.insertInto('patientGuardians').values({ userId: guardian.actor.userId, patientId: patient.id }).execute()
    const statusFor = async (actor: Caller) => (await t.as(actor).get(`/patients/${patient.id}/access-log`)).status
    expect(await statusFor(patient.actor)).toBe(200)
    expect(await statusFor(guardian.actor)).toBe(200)
    expect(await statusFor(admin)).toBe(200)
    expect(await statusFor(stranger.actor)).toBe(404)
    expect(await statusFor(doctor.actor)).toBe(403)
  })

  test('the access log query uses an index', async () => {
    const filter = { patientIds: crypto.randomUUID(), eventId: { $lt: 'f' } }
    const plan = await auditLogs(t.deps.mongo).find(filter).sort({ eventId: -1 }).limit(21).explain('queryPlanner')
    const text = JSON.stringify(plan.queryPlanner.winningPlan)
    expect(text).toContain('audit_logs_patient_event')
    expect(text).not.toContain('"SORT"')
  })
})
