import { afterAll, expect, test } from 'bun:test'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { createTestApp } from '../support/app'
import { until } from '../support/until'
import { form, MULTIPART, pdf, pdfOf, streamOf } from './files'
import { note, pairsOf } from './pairs'

const t = await createTestApp()
const newPair = pairsOf(t, await t.newClinic())
const MiB = 1024 * 1024

const server = Bun.serve({ port: 0, fetch: (request) => t.app.fetch(request, { peerAddress: '127.0.0.1' }) })
afterAll(() => server.stop(true))

const { doctor, patient, asDoctor } = await newPair()
const record = await asDoctor.post(`/patients/${patient.id}/records`, note())
const address = `${server.url}records/${record.body.id}/attachments`
const headers = {
  ...MULTIPART,
  authorization: `Bearer ${await signAccessToken(t.deps.config, doctor.actor, t.deps.clock())}`,
}
const uploads = t.deps.mongo.db.collection('attachment_uploads')
const chunks = t.deps.mongo.db.collection('attachments.chunks')

test('a file of 10 MiB is uploaded in chunks of unknown number and downloaded unchanged', async () => {
  const content = pdf(crypto.getRandomValues(new Uint8Array(60_000)))
  const file = pdfOf(10 * MiB)
  file.set(content.subarray(0, 50_000))
  const body = streamOf(form({ filename: 'a.pdf', content: file }))
  const made = await fetch(address, { method: 'POST', headers, body })
  expect(made.status).toBe(201)
  const { id, size, sha256 } = (await made.json()) as { id: string; size: number; sha256: string }
  expect(size).toBe(10 * MiB)

  const get = (method: string) => fetch(`${server.url}attachments/${id}`, { method, headers })
  const given = await get('GET')
  // Bun 1.4 omits Content-Length for a streamed body (oven-sh/bun#10507).
  expect([null, String(10 * MiB)]).toContain(given.headers.get('content-length'))
  expect(given.headers.get('etag')).toBe(`"${sha256}"`)
  expect(Bun.SHA256.hash(await given.arrayBuffer(), 'hex')).toBe(sha256)
  const head = await get('HEAD')
  expect([head.status, await head.text()]).toEqual([200, ''])

  const reader = (await get('GET')).body!.getReader()
  await reader.read()
  await reader.cancel()
  expect((await get('GET')).status).toBe(200)
})

test('the download of a damaged file is cut off', async () => {
  const made = await fetch(address, {
    method: 'POST',
    headers,
    body: form({ filename: 'a.pdf', content: pdfOf(3 * MiB) }),
  })
  const { id } = (await made.json()) as { id: string }
  const last = await chunks.find().sort({ _id: -1 }).limit(1).next()
  await chunks.updateOne({ _id: last!._id }, { $set: { data: Buffer.alloc(last!.data.length()) } })
  const given = await fetch(`${server.url}attachments/${id}`, { headers })
  expect(given.status).toBe(200)
  await expect(given.arrayBuffer()).rejects.toThrow()
  expect((await fetch(`${server.url}health/live`)).status).toBe(200)
})

test('a file that is too large is a 413, whether its length is known or not', async () => {
  const body = form({ filename: 'a.pdf', content: pdfOf(10 * MiB + 1) })
  const before = await chunks.countDocuments()
  const unknown = await fetch(address, { method: 'POST', headers, body: streamOf(body) })
  expect([unknown.status, ((await unknown.json()) as { code: string }).code]).toEqual([413, 'too_large'])
  const known = await fetch(address, { method: 'POST', headers, body: form({ content: pdfOf(20 * MiB) }) })
  expect([known.status, ((await known.json()) as { code: string }).code]).toEqual([413, 'too_large'])
  expect(await chunks.countDocuments()).toBe(before)
})

test('an upload whose sender disconnects leaves nothing', async () => {
  const before = await chunks.countDocuments()
  const socket = await Bun.connect({ hostname: 'localhost', port: server.port!, socket: { data() {} } })
  const start = form({ filename: 'a.pdf', content: pdfOf(2 * MiB) }).subarray(0, 700_000)
  const lines = [
    `POST /records/${record.body.id}/attachments HTTP/1.1`,
    'Host: localhost',
    `Content-Type: ${headers['content-type']}`,
    `Authorization: ${headers.authorization}`,
    'Content-Length: 2000000',
  ]
  const all = new Uint8Array(await new Blob([`${lines.join('\r\n')}\r\n\r\n`, start]).arrayBuffer())
  let sent = 0
  while (sent < all.length) {
    sent += socket.write(all.subarray(sent))
    await Bun.sleep(1)
  }
  await until(async () => (await chunks.countDocuments()) > before)
  expect(await uploads.countDocuments()).toBe(1)
  socket.terminate()
  await until(async () => (await uploads.countDocuments()) === 0)
  expect(await chunks.countDocuments()).toBe(before)
})
