import { afterEach, describe, expect, test } from 'bun:test'
import { MongoNetworkError } from 'mongodb'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import type { Mongo } from '../../src/database/mongo'
import { deleteAttachmentFiles } from '../../src/records/attachments/service'
import { sweepUploads } from '../../src/records/attachments/sweeper'
import { medicalRecords } from '../../src/records/collections'
import { sweepPendingWrites } from '../../src/records/sweeper'
import { createTestApp, NOW } from '../support/app'
import { createClient } from '../support/client'
import { form, MULTIPART, pdf } from './files'
import { note, pairsOf } from './pairs'

const t = await createTestApp()
const newPair = pairsOf(t, await t.newClinic())
const { db: mongoDb } = t.deps.mongo
const MINUTE = 60_000

afterEach(() => t.clock.set(NOW))

/** One upload under one idempotency key. */
async function newUpload() {
  const { doctor, patient, asDoctor, asPatient } = await newPair()
  const { body } = await asDoctor.post(`/patients/${patient.id}/records`, note())
  const headers = { ...MULTIPART, 'idempotency-key': crypto.randomUUID() }
  const path = `/records/${body.id}/attachments`
  const content = form({ filename: 'a.pdf', content: pdf(patient.id) })
  const record = () => medicalRecords(t.deps.mongo).findOne({ _id: body.id })
  return {
    patientId: patient.id,
    asPatient,
    record,
    send: () => asDoctor.post(path, content, { headers }),

    /** Sends it through a copy of the API that runs `beforeAppend` after storing and before attaching the file. */
    sendWith(beforeAppend: Mongo['ready']) {
      let calls = 0
      const ready = async () => (++calls === 2 ? beforeAppend() : t.deps.mongo.ready())
      const app = createApp({ ...t.deps, mongo: { ...t.deps.mongo, ready } })
      const request = async (input: Request) => app.fetch(input, { peerAddress: '127.0.0.1' })
      const token = () => signAccessToken(t.deps.config, doctor.actor, t.deps.clock())
      return createClient(request, token).post(path, content, { headers })
    },

    attached: async () => (await record())!.attachments ?? [],

    async outcomes() {
      const events = t.db.selectFrom('auditOutbox').select(['outcome', 'patientIds'])
      const all = await events.where('kind', '=', 'attachment.create').orderBy('id').execute()
      return all.filter(({ patientIds }) => patientIds.includes(patient.id)).map(({ outcome }) => outcome)
    },

    /** The unfinished uploads and the stored files of this patient, attached or not. */
    async files() {
      const started = await mongoDb.collection('attachment_uploads').find({ patientId: patient.id }).toArray()
      const referenced = ((await record())?.attachments ?? []).map(({ fileId }) => fileId)
      const ids = [...new Set([...started.map(({ _id }) => `${_id}`), ...referenced])]
      const chunks = await mongoDb.collection('attachments.chunks').find().toArray()
      const has = (id: string) => chunks.some(({ files_id }) => files_id.toHexString() === id)
      return { uploads: started.length, stored: ids.filter(has).length }
    },
  }
}

const lostOnTheWay = () => Promise.reject(new MongoNetworkError('connection closed'))
const UNAVAILABLE = { status: 503, body: { code: 'unavailable' } }
const totals = async () => [
  await mongoDb.collection('attachments.files').countDocuments(),
  await mongoDb.collection('attachments.chunks').countDocuments(),
]

describe('an upload that stopped before its file was attached', () => {
  test('an upload that stopped before its file was attached is completed by a retry, and the sweeper deletes the first file', async () => {
    const upload = await newUpload()
    expect(await upload.sendWith(lostOnTheWay)).toMatchObject(UNAVAILABLE)
    expect(await upload.attached()).toEqual([])
    expect(await upload.outcomes()).toEqual(['pending'])
    expect(await upload.files()).toEqual({ uploads: 1, stored: 1 })

    const retry = await upload.send()
    expect(retry.status).toBe(201)
    expect(await upload.outcomes()).toEqual(['success', 'success'])
    expect(await upload.files()).toEqual({ uploads: 1, stored: 2 })
    t.clock.advance(61 * MINUTE)
    expect(await sweepUploads(t.deps)).toBe(1)
    expect(await upload.files()).toEqual({ uploads: 0, stored: 1 })
    expect((await upload.asPatient.get(`/attachments/${retry.body.id}`)).status).toBe(200)
  })

  test('an upload that stopped before its file was attached fails for good when the sweeper finds it, and leaves no file', async () => {
    const before = await totals()
    const upload = await newUpload()
    await upload.sendWith(lostOnTheWay)
    t.clock.advance(2 * MINUTE)
    expect(await sweepPendingWrites(t.deps)).toBe(1)
    expect(await upload.outcomes()).toEqual(['error'])
    expect(await sweepUploads(t.deps)).toBe(0)
    t.clock.advance(60 * MINUTE)
    expect(await sweepUploads(t.deps)).toBe(1)
    expect(await upload.files()).toEqual({ uploads: 0, stored: 0 })
    expect(await totals()).toEqual(before)
    expect((await upload.send()).status).toBe(201)
  })

  test('an upload that continues after the sweeper deleted its file fails and attaches nothing', async () => {
    const before = await totals()
    const upload = await newUpload()
    const late = await upload.sendWith(async () => {
      t.clock.advance(61 * MINUTE)
      expect(await sweepUploads(t.deps)).toBe(1)
    })
    expect(late).toMatchObject(UNAVAILABLE)
    expect(await upload.attached()).toEqual([])
    expect(await upload.outcomes()).toEqual(['error'])
    expect(await totals()).toEqual(before)
    t.clock.set(NOW)
    expect((await upload.send()).status).toBe(201)
  })
})

test('an upload that stopped after its file was attached keeps its file when the sweepers run', async () => {
  const upload = await newUpload()
  const { body } = await upload.send()
  const { fileId, id } = (await upload.attached())[0]!
  await t.db.updateTable('auditOutbox').set({ outcome: 'pending' }).where('writeId', '=', id).execute()
  const started = { _id: fileId, patientId: upload.patientId, recordId: body.recordId, startedAt: NOW }
  await mongoDb.collection<typeof started>('attachment_uploads').insertOne(started)

  t.clock.advance(61 * MINUTE)
  expect(await sweepPendingWrites(t.deps)).toBe(1)
  expect(await sweepUploads(t.deps)).toBe(1)
  expect(await upload.outcomes()).toEqual(['success'])
  expect(await upload.files()).toEqual({ uploads: 0, stored: 1 })
  t.clock.set(NOW)
  expect((await upload.asPatient.get(`/attachments/${id}`)).status).toBe(200)
  expect((await upload.send()).text).toBe(JSON.stringify(body))
})

test('the sweeper deletes a file that was stored in part', async () => {
  const before = await totals()
  const upload = await newUpload()
  const fileId = 'a'.repeat(24)
  const recordId = (await upload.record())!._id
  const started = { _id: fileId, patientId: upload.patientId, recordId, startedAt: NOW }
  await mongoDb.collection<typeof started>('attachment_uploads').insertOne(started)
  const { ObjectId } = await import('mongodb')
  const chunk = { files_id: new ObjectId(fileId), n: 0, data: Buffer.from('x') }
  await mongoDb.collection('attachments.chunks').insertOne(chunk)
  t.clock.advance(61 * MINUTE)
  expect(await sweepUploads(t.deps)).toBe(1)
  expect(await totals()).toEqual(before)
})

test('two concurrent uploads under one idempotency key attach and keep one file', async () => {
  const before = await totals()
  const upload = await newUpload()
  let retry: Awaited<ReturnType<typeof upload.send>> | undefined
  const first = await upload.sendWith(async () => {
    retry = await upload.send()
  })
  expect(first.status).toBe(201)
  expect(retry!.text).toBe(first.text)
  expect(await upload.attached()).toHaveLength(1)
  expect(await upload.files()).toEqual({ uploads: 0, stored: 1 })
  expect(await totals()).toEqual(before.map((count) => count + 1))
})

test('the attachment files of a patient can be deleted up to a given time', async () => {
  const upload = await newUpload()
  await upload.send()
  await deleteAttachmentFiles(t.deps.mongo, upload.patientId, new Date(NOW.getTime() - 1))
  expect(await upload.files()).toEqual({ uploads: 0, stored: 1 })
  await deleteAttachmentFiles(t.deps.mongo, upload.patientId, NOW)
  expect(await upload.files()).toEqual({ uploads: 0, stored: 0 })
})
