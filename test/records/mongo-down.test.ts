import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startEmbeddedMongo } from '../../db/embedded/mongo'
import { auditLogs } from '../../src/audit/collection'
import { relayAuditEvents } from '../../src/audit/relay'
import { verifyTrail } from '../../src/audit/verify'
import { sweepPendingWrites } from '../../src/records/sweeper'
import { createTestApp, NOW } from '../support/app'
import { impatient } from '../support/impatient'
import { runFolder } from '../support/run-folder'
import { form, MULTIPART, pdf } from './files'

const directory = mkdtempSync(join(runFolder(), 'clinic-mongo-down-'))
let engine = await startEmbeddedMongo({ directory, ephemeral: true })
const t = await createTestApp({ MONGODB_URI: impatient(engine.uri), MONGODB_DATABASE: 'clinic' })
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const patient = await t.newPatient()
await t.newAppointment({ patient, doctor, startsAt: NOW })

const path = `/patients/${patient.id}/records`
const write = (key: string) =>
  t
    .as(doctor.actor)
    .post(path, { type: 'visit_note', title: 'Visit', data: {} }, { headers: { 'idempotency-key': key } })
const outcomes = async () => {
  const writes = t.auditEvents().select('outcome').where('kind', '=', 'record.create')
  return (await writes.execute()).map(({ outcome }) => outcome)
}
const amend = (id: string) => t.as(doctor.actor).post(`/records/${id}/amendments`, { reason: 'x', data: {} })
const attach = (id: string) => {
  const body = form({ filename: 'a.pdf', content: pdf() })
  return t.as(doctor.actor).post(`/records/${id}/attachments`, body, { headers: MULTIPART })
}
const eventsOf = ({ headers }: { headers: Headers }) =>
  t.auditEvents().select(['kind', 'outcome']).where('requestId', '=', headers.get('x-request-id')).execute()
const idsInOutbox = async () => (await t.auditEvents().select('id').execute()).map(({ id }) => id)
const records = async () => (await t.as(patient.actor).get(path)).body.data.map(({ id }: { id: string }) => id)

let recordId = ''
let attachmentId = ''

beforeAll(async () => {
  const written = await write('before')
  expect(written.status).toBe(201)
  recordId = written.body.id
  attachmentId = (await attach(recordId)).body.id
  await engine.stop()
})

afterAll(async () => {
  await engine.stop()
  rmSync(directory, { recursive: true, force: true })
})

test('without MongoDB clinical requests are a 503 with a failed audit event while booking works, and all recovers with MongoDB', async () => {
  const asPatient = t.as(patient.actor)
  const answers = await Promise.all([
    write('during'),
    asPatient.get(`/patients/${patient.id}`),
    asPatient.get(path),
    asPatient.get(`/records/${crypto.randomUUID()}`),
  ])
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(answer.headers.get('retry-after')).toBe('2')
  }
  expect(await outcomes()).toEqual(['success', 'error'])
  expect((await t.as(await t.newAdmin()).get(`/patients/${patient.id}`)).status).toBe(200)

  const changes = [
    ['record.amend', await amend(recordId)],
    ['attachment.create', await attach(recordId)],
    ['attachment.read', await asPatient.get(`/attachments/${attachmentId}`)],
  ] as const
  for (const [kind, answer] of changes) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(await eventsOf(answer)).toEqual([{ kind, outcome: 'error' }])
  }

  const booking = await asPatient.post('/appointments', { doctorId: doctor.id, startsAt: '2026-01-06T14:00:00Z' })
  expect(booking.status).toBe(201)
  const waiting = await idsInOutbox()
  await expect(relayAuditEvents(t.deps)).rejects.toThrow()
  expect(await idsInOutbox()).toEqual(waiting)

  // A write that was sent and never answered.
  await t.db
    .updateTable('auditOutbox')
    .set({ outcome: 'pending' })
    .where('outcome', '=', 'error')
    .where('kind', '=', 'record.create')
    .execute()
  t.clock.advance(60_001)
  expect(await sweepPendingWrites(t.deps)).toBe(0)
  expect(await outcomes()).toEqual(['success', 'pending'])

  engine = await startEmbeddedMongo({ directory, ephemeral: true })
  expect(await records()).toHaveLength(1)
  expect(await sweepPendingWrites(t.deps)).toBe(1)
  const retry = await write('during')
  expect(retry.status).toBe(201)
  expect(await outcomes()).toEqual(['success', 'error', 'success'])
  expect(await records()).toHaveLength(2)
  expect((await write('during')).text).toBe(retry.text)
  const { body } = await asPatient.get(`/records/${recordId}`)
  expect([body.amendments, body.attachments.length]).toEqual([[], 1])
  expect((await amend(recordId)).status).toBe(201)
  expect((await attach(recordId)).status).toBe(201)

  while ((await relayAuditEvents(t.deps)) > 0);
  expect(await idsInOutbox()).toEqual([])
  const relayed = await auditLogs(t.deps.mongo).distinct('eventId')
  expect(waiting.filter((id) => !relayed.includes(id))).toEqual([])
  expect(await verifyTrail(t.deps)).toMatchObject({ finding: undefined, last: relayed.length })
})
