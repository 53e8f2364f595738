import { describe, expect, test } from 'bun:test'
import { relayAuditEvents } from '../../src/audit/relay'
import { type AuditFacts, auditEvent } from '../../src/database/audit-event'
import { appendAuditEvent } from '../../src/database/audit-outbox'
import { newId } from '../../src/database/ids'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const patient = await t.newPatient()
const relay = () => relayAuditEvents(t.deps)

async function record(kind: string, facts: AuditFacts & { at?: Date } = {}): Promise<string> {
  const now = facts.at ?? NOW
  const event = auditEvent({ actor: null, now, requestId: 'request-1', ip: null }, { kind, action: 'R' }, facts)
  await appendAuditEvent(t.db, event)
  return event.id
}

const idsOf = (answer: { body: { data: { eventId: string }[] } }) => answer.body.data.map(({ eventId }) => eventId)

describe('GET /audit', () => {
  test('GET /audit shows who did what to whose data', async () => {
    const made = await t.as(admin).post('/clinics', { name: 'Audited', timeZone: 'Europe/Berlin', currency: 'EUR' })
    await relay()
    const answer = await t.as(admin).get('/audit', { query: { kind: 'clinic.create' } })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const [event] = answer.body.data
    expect(event).toEqual({
      seq: event.seq,
      eventId: event.eventId,
      occurredAt: '2026-01-05T12:00:00Z',
      kind: 'clinic.create',
      action: 'C',
      outcome: 'success',
      actorId: admin.userId,
      actorRole: 'admin',
      purpose: null,
      patientIds: [],
      targetId: made.body.id,
      requestId: made.headers.get('x-request-id'),
      ip: event.ip,
      detail: null,
    })
  })

  test('GET /audit marks a replayed request', async () => {
    const options = { headers: { 'idempotency-key': 'audited-twice' } }
    const body = { name: 'Replayed', timeZone: 'Europe/Berlin', currency: 'EUR' }
    const { body: clinic } = await t.as(admin).post('/clinics', body, options)
    await t.as(admin).post('/clinics', body, options)
    await relay()
    const { body: page } = await t.as(admin).get('/audit', { query: { kind: 'clinic.create', limit: 2 } })
    expect(page.data).toMatchObject([{ detail: { replayed: true } }, { targetId: clinic.id, detail: null }])
  })

  test('GET /audit filters by actor, patient, kind and time, and by all of them together', async () => {
    const actor = { userId: newId(), role: 'doctor' as const }
    const patientId = newId()
    const at = new Date('2026-01-04T10:00:00Z')
    const wanted = await record('filter.all', { actor, patientIds: [patientId, newId()], at })
    const others = [
      await record('filter.all', { patientIds: [patientId], at }),
      await record('filter.all', { actor, at }),
      await record('filter.other', { actor, patientIds: [patientId], at }),
      await record('filter.all', { actor, patientIds: [patientId], at: new Date('2026-01-04T11:00:00Z') }),
      await record('filter.all', { actor, patientIds: [patientId], at: new Date('2026-01-04T09:59:59.999Z') }),
    ]
    await relay()
    const find = async (query: Record<string, string>) => idsOf(await t.as(admin).get('/audit', { query }))
    const without = (...left: number[]) => [wanted, ...others.filter((_, i) => !left.includes(i))].toReversed()
    expect(await find({ actorId: actor.userId })).toEqual(without(0))
    expect(await find({ patientId })).toEqual(without(1))
    expect(await find({ kind: 'filter.all' })).toEqual(without(2))
    const during = { from: '2026-01-04T11:00:00+01:00', to: '2026-01-04T11:00:00Z' }
    expect(await find({ ...during, kind: 'filter.all' })).toEqual(without(2, 3, 4))
    expect(await find({ ...during, kind: 'filter.all', actorId: actor.userId, patientId })).toEqual([wanted])
    expect(await find({ kind: 'filter.all', actorId: newId() })).toEqual([])
  })

  test('pages of GET /audit run from newest to oldest without gaps or repeats while events are added', async () => {
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push(await record('page.turned'))
    await relay()
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query = { kind: 'page.turned', limit: 2, ...(cursor && { cursor }) }
      const page = await t.as(admin).get('/audit', { query })
      seen.push(...idsOf(page))
      cursor = page.body.nextCursor
      await record('page.turned')
      await relay()
    } while (cursor)
    expect(seen).toEqual(ids.toReversed())
  })

  test('GET /audit is itself audited, with the patient it was filtered by', async () => {
    await t.as(admin).get('/audit', { query: { patientId: patient.id } })
    await relay()
    const answer = await t.as(admin).get('/audit', { query: { kind: 'audit.read', patientId: patient.id } })
    expect(answer.body.data).toMatchObject([{ action: 'R', actorId: admin.userId, patientIds: [patient.id] }])
  })

  test('GET /audit is for admins only', async () => {
    for (const actor of [patient.actor, doctor.actor])
      expect(await t.as(actor).get('/audit')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await t.anonymous.get('/audit')).toMatchObject({ status: 401 })
  })

  test.each([
    ['cursor', 'abc'],
    ['cursor', btoa('["0"]')],
    ['cursor', btoa('["1e9"]')],
    ['kind', 'a b'],
    ['from', 'yesterday'],
    ['actorId', '1'],
    ['status', 'x'],
  ])('GET /audit refuses a wrong %s (%s) and names the parameter', async (name, value) => {
    const answer = await t.as(admin).get('/audit', { query: { [name]: value } })
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: `query.${name}` }] } })
  })
})
