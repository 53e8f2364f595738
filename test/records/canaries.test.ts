import { expect, test } from 'bun:test'
import type { Caller } from '../../src/actor'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import type { Logger } from '../../src/log'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'
import { form, MULTIPART, pdf } from './files'
import { medicine, note, pairsOf } from './pairs'

const t = await createTestApp()
const newPair = pairsOf(t, await t.newClinic())
const CANARY = 'CANARY'

/** Writes more of an error than the real logger does. */
const withErrors = (_: string, value: unknown) =>
  value instanceof Error ? { ...value, message: value.message, stack: value.stack, cause: value.cause } : value

/** Makes MongoDB refuse every record from now on. */
const forgetNames = async () => {
  const validator = { title: 'none has this' }
  await t.deps.mongo.db.collection('medical_records').drop()
  await t.deps.mongo.db.createCollection('medical_records', { validator })
}

test('clinical text never appears in logs, audit events, metrics or problem answers', async () => {
  const lines: string[] = []
  const keep = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields, withErrors)}`)
  const log: Logger = { debug: keep, info: keep, warn: keep, error: keep }
  const app = createApp({ ...t.deps, log })
  const send = async (request: Request) => app.fetch(request, { peerAddress: '127.0.0.1' })
  const as = (actor: Caller) => createClient(send, () => signAccessToken(t.deps.config, actor, t.deps.clock()))

  const { doctor, patient } = await newPair()
  const stranger = await newPair()
  const [author, reader, other] = [as(doctor.actor), as(patient.actor), as(stranger.doctor.actor)]
  const list = `/patients/${patient.id}`
  const data = { [CANARY]: { deep: [`${CANARY} text`] } }
  const record = await author.post(`${list}/records`, note(CANARY, { data }))
  const prescription = await author.post(`${list}/prescriptions`, { medicines: [{ ...medicine, notes: CANARY }] })
  const path = `/records/${record.body.id}`
  const change = { reason: CANARY, data }
  const file = (content: Uint8Array | string) => form({ filename: `${CANARY}.pdf`, content })
  const upload = { headers: MULTIPART }

  const fine = [
    record,
    prescription,
    await author.post(`${path}/amendments`, change),
    await author.put(`/prescriptions/${prescription.body.id}/stop`, change),
    await author.put(`/prescriptions/${prescription.body.id}/renew`, change),
    await author.post(`${path}/attachments`, file(pdf(CANARY)), upload),
    await reader.get(`${list}/records`, { query: { q: CANARY } }),
    await reader.get(path),
  ]
  expect(fine.map(({ status }) => status)).toEqual([201, 201, 201, 200, 200, 201, 200, 200])
  expect(fine[6]!.body.data).toHaveLength(1)

  const refused = [
    await author.post(`${path}/amendments`, { ...change, data: CANARY }),
    await author.post(`${path}/amendments`, { ...change, data: { a: `${CANARY}\0` } }),
    await other.post(`${path}/amendments`, change),
    await other.post(`${path}/attachments`, file(pdf(CANARY)), upload),
    await author.post(`${path}/attachments`, file(`${CANARY} is no PDF`), upload),
    await author.post(`${path}/attachments`, file(pdf(CANARY).subarray(0, -7)), upload),
    await other.get(`${list}/records`, { query: { q: CANARY } }),
    await author.put(`/prescriptions/${prescription.body.id}/stop`, { ...change, reason: CANARY.repeat(200) }),
  ]
  expect(refused.map(({ status }) => status)).toEqual([422, 422, 404, 404, 415, 422, 404, 422])

  // Refused by MongoDB itself, whose error quotes the document.
  const broken = createApp({ ...t.deps, log, mongo: { ...t.deps.mongo, ready: forgetNames } })
  const failing = createClient(
    async (request) => broken.fetch(request, { peerAddress: '127.0.0.1' }),
    () => signAccessToken(t.deps.config, doctor.actor, t.deps.clock()),
  )
  refused.push(await failing.post(`${list}/records`, note(CANARY, { data })))
  expect(refused.at(-1)!.status).toBe(500)

  const events = await t.auditEvents().selectAll().execute()
  const figures = (await t.anonymous.get('/metrics')).text
  expect(events.length).toBeGreaterThan(10)
  expect(lines.length).toBeGreaterThan(10)
  for (const text of [JSON.stringify(events), lines.join('\n'), figures, ...refused.map(({ text }) => text)])
    expect(text).not.toContain(CANARY)
})
