import { describe, expect, test } from 'bun:test'
import { medicalRecords } from '../../src/records/collections'
import { createTestApp } from '../support/app'
import { attachmentsOf } from './attached'
import { BOUNDARY, form, MULTIPART, pdf, pdfOf, streamOf } from './files'

const t = await createTestApp()
const { authorization, eventsOf, newRecord, stored } = attachmentsOf(t, await t.newClinic())
const MiB = 1024 * 1024

describe('refused uploads', () => {
  test.each<[string, number, string, Uint8Array]>([
    ['of another type, whatever its name', 415, 'unsupported_media_type', new TextEncoder().encode('<html>'.repeat(9))],
    ['that is incomplete', 422, 'validation_failed', pdf('x'.repeat(5_000)).subarray(0, -10)],
    ['of more than 10 MiB', 413, 'too_large', pdfOf(10 * MiB + 1)],
  ])('an uploaded file %s is refused with %i, and nothing of it is kept', async (_, status, code, content) => {
    const { attach, attachments } = await newRecord()
    const before = await stored()
    expect(await attach(content)).toMatchObject({ status, body: { code } })
    expect(await attachments()).toEqual([])
    expect(await stored()).toEqual(before)
  })

  test('an uploaded file of more than 10 MiB is refused before its end, even without Content-Length', async () => {
    const { path, doctor } = await newRecord()
    const before = await stored()
    const headers = { ...MULTIPART, authorization: await authorization(doctor.actor) }
    let whole = false
    const send = (content: Uint8Array) =>
      t.app.fetch(
        new Request(`http://localhost${path}`, {
          method: 'POST',
          headers,
          body: streamOf(form({ filename: 'a.pdf', content }), 100_000, () => {
            whole = true
          }),
        }),
      )
    expect((await send(pdfOf(11 * MiB))).status).toBe(413)
    expect(whole).toBe(false)
    expect(await stored()).toEqual(before)
    expect((await send(pdfOf(10 * MiB))).status).toBe(201)
  })

  test('an upload whose body breaks off is refused, and nothing of it is kept', async () => {
    const { path, doctor, attachments } = await newRecord()
    const before = await stored()
    const content = form({ filename: 'a.pdf', content: pdfOf(MiB) })
    const broken = streamOf(content.subarray(0, 900_000), 64 * 1024, () => {
      throw new Error('connection reset')
    })
    const headers = { ...MULTIPART, authorization: await authorization(doctor.actor) }
    const response = await t.app.fetch(
      new Request(`http://localhost${path}`, { method: 'POST', headers, body: broken }),
    )
    expect(response.status).toBe(422)
    expect(await attachments()).toEqual([])
    expect(await stored()).toEqual(before)
  })

  test('an upload under a malformed idempotency key is refused, and nothing of it is kept', async () => {
    const { attach } = await newRecord()
    const before = await stored()
    expect((await attach(pdf(), { headers: { 'idempotency-key': 'x'.repeat(201) } })).status).toBe(422)
    expect(await stored()).toEqual(before)
  })

  test('an upload as JSON or without a body is refused', async () => {
    const { path, asDoctor } = await newRecord()
    expect((await asDoctor.post(path, { file: 'x' })).status).toBe(415)
    expect((await asDoctor.post(path)).status).toBe(415)
  })

  test('an upload to a record with 100 attachments is refused', async () => {
    const { id, attach } = await newRecord()
    const { body } = await attach()
    const first = (await medicalRecords(t.deps.mongo).findOne({ _id: id }))!.attachments![0]!
    const attachments = Array.from({ length: 100 }, () => ({ ...first, id: crypto.randomUUID() }))
    await medicalRecords(t.deps.mongo).updateOne({ _id: id }, { $set: { attachments } })
    const before = await stored()
    expect(await attach()).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect(await stored()).toEqual(before)
    expect(body.id).toBeString()
  })
})

describe('uploads under one idempotency key', () => {
  const keyed = () => ({ headers: { 'idempotency-key': crypto.randomUUID() } })

  test('a repeated upload under one idempotency key attaches and stores its file once', async () => {
    const { attach, attachments } = await newRecord()
    const options = keyed()
    const first = await attach(pdf(), options)
    const before = await stored()
    const again = await attach(pdf(), options)
    expect(again.text).toBe(first.text)
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await attachments()).toEqual([first.body])
    expect(await stored()).toEqual(before)
    expect(await eventsOf(again)).toMatchObject([
      { kind: 'attachment.create', targetId: first.body.id, detail: { replayed: true } },
    ])
  })

  test('a replay of an upload may have another boundary, but not another content or name', async () => {
    const { path, asDoctor, attach } = await newRecord()
    const options = keyed()
    const first = await attach(pdf(), options)
    const text = new TextDecoder('latin1').decode(form({ filename: 'scan.pdf', content: pdf() }))
    const body = Uint8Array.from(text.replaceAll(BOUNDARY, 'another'), (char) => char.charCodeAt(0))
    const headers = { ...options.headers, 'content-type': 'multipart/form-data; boundary=another' }
    expect((await asDoctor.post(path, body, { headers })).text).toBe(first.text)
    for (const answer of [await attach(pdf('y'), options), await attach(pdf(), { ...options, filename: 'b.pdf' })])
      expect(answer).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  })

  test('concurrent uploads under one idempotency key attach one file', async () => {
    const { attach, attachments } = await newRecord()
    const before = await stored()
    const options = keyed()
    const answers = await Promise.all(Array.from({ length: 5 }, () => attach(pdf(), options)))
    const made = answers.filter(({ status }) => status === 201)
    expect(new Set(made.map(({ text }) => text)).size).toBe(1)
    expect(await attachments()).toHaveLength(1)
    expect(await stored()).toEqual({ ...before, files: before.files + 1, chunks: before.chunks + 1 })
  })
})
