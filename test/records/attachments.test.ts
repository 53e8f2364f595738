import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import type { Caller } from '../../src/actor'
import { createApp } from '../../src/app'
import { createAuditWriter } from '../../src/database/audit-outbox'
import { medicalRecords } from '../../src/records/collections'
import { createTestApp } from '../support/app'
import { attachmentsOf } from './attached'
import { form, jpeg, MULTIPART, pdf, png } from './files'

const t = await createTestApp()
const clinic = await t.newClinic()
const { authorization, eventsOf, newPair, newRecord, stored } = attachmentsOf(t, clinic)
const MiB = 1024 * 1024

const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')

/** Returns raw bytes; the test client would read them as text. */
async function download(id: string, actor: Caller) {
  const request = new Request(`http://localhost/attachments/${id}`, {
    headers: { authorization: await authorization(actor) },
  })
  const response = await t.app.fetch(request)
  return { status: response.status, headers: response.headers, content: new Uint8Array(await response.arrayBuffer()) }
}

describe('an attachment', () => {
  test.each([
    ['application/pdf', pdf('report')],
    ['image/png', png('picture')],
    ['image/jpeg', jpeg('photo')],
  ])('an attachment of type %s is stored, listed and returned byte for byte', async (contentType, content) => {
    const { id, patient, doctor, attach, attachments } = await newRecord()
    const made = await attach(content, { filename: 'Befund "1".bin'.replaceAll('"', '%22') })
    expect(made.status).toBe(201)
    expect(made.body).toEqual({
      id: made.body.id,
      recordId: id,
      patientId: patient.id,
      filename: 'Befund "1".bin',
      contentType,
      size: content.length,
      sha256: sha256(content),
      doctor: { id: doctor.id, name: doctor.name },
      createdAt: '2026-01-05T12:00:00Z',
    })
    expect(made.headers.get('location')).toBe(`/attachments/${made.body.id}`)
    expect(await attachments()).toEqual([made.body])

    for (const reader of [patient.actor, doctor.actor]) {
      const { status, headers, content: given } = await download(made.body.id, reader)
      expect(status).toBe(200)
      expect(given).toEqual(content)
      const suffix = { 'application/pdf': 'pdf', 'image/png': 'png', 'image/jpeg': 'jpg' }[contentType]
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-type': contentType,
        'content-length': String(content.length),
        'content-disposition': `attachment; filename="Befund _1_.bin.${suffix}"; filename*=UTF-8''Befund%20%221%22.bin.${suffix}`,
        etag: `"${sha256(content)}"`,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      })
    }
  })

  test('an attachment of many chunks is returned whole and matches the OpenAPI document', async () => {
    const { patient, asPatient, attach } = await newRecord()
    const content = pdf(crypto.getRandomValues(new Uint8Array(60_000)))
    const large = new Uint8Array(3 * MiB + 17)
    large.set(content.subarray(0, 60_000))
    large.set(pdf('').subarray(-8), large.length - 8)
    const made = await attach(large)
    expect(made.status).toBe(201)
    expect(sha256((await download(made.body.id, patient.actor)).content)).toBe(sha256(large))
    expect((await asPatient.get(`/attachments/${made.body.id}`)).status).toBe(200)
    expect(await asPatient.call('HEAD', `/attachments/${made.body.id}`)).toMatchObject({ status: 200, text: '' })
  })

  test('an attachment leaves the record itself unchanged', async () => {
    const { id, attach } = await newRecord()
    const find = () => medicalRecords(t.deps.mongo).findOne({ _id: id }, { projection: { attachments: 0 } })
    const before = await find()
    await attach()
    expect(await find()).toEqual(before)
  })

  test('attaching a file and reading it are audited without its name', async () => {
    const { id: recordId, patient, doctor, asPatient, attach } = await newRecord()
    const made = await attach(pdf('CANARY'), { filename: 'CANARY.pdf' })
    const patientIds = [patient.id]
    const event = { outcome: 'success' as const, patientIds, targetId: made.body.id, detail: { recordId } }
    expect(await eventsOf(made)).toEqual([
      { ...event, kind: 'attachment.create', action: 'C', actorId: doctor.actor.userId },
    ])
    const read = await asPatient.get(`/attachments/${made.body.id}`)
    expect(await eventsOf(read)).toEqual([
      { ...event, kind: 'attachment.read', action: 'R', actorId: patient.actor.userId },
    ])
    expect(JSON.stringify(await t.auditEvents().selectAll().execute())).not.toContain('CANARY')
  })

  test('an attachment is not returned when its read cannot be audited', async () => {
    const { patient, attach } = await newRecord()
    const { body } = await attach()
    const failing = createAuditWriter({} as never)
    const app = createApp({ ...t.deps, auditWriter: failing })
    const headers = { authorization: await authorization(patient.actor) }
    const response = await app.request(`http://localhost/attachments/${body.id}`, { headers })
    expect(response.status).toBe(503)
    expect(await response.text()).not.toContain('%PDF')
  })

  test('the download of an attachment that was changed in the database breaks off before its end', async () => {
    const { patient, attach } = await newRecord()
    const { body } = await attach(pdf(new Uint8Array(400_000)))
    const record = await medicalRecords(t.deps.mongo).findOne({ 'attachments.id': body.id })
    const chunks = t.deps.mongo.db.collection('attachments.chunks')
    const { fileId } = record!.attachments![0]!
    const last = await chunks.find().sort({ _id: -1 }).limit(1).next()
    expect(last!.files_id.toHexString()).toBe(fileId)
    await chunks.updateOne({ _id: last!._id }, { $set: { data: Buffer.alloc(last!.data.length()) } })
    await expect(download(body.id, patient.actor)).rejects.toThrow()
  })
})

describe('access to attachments', () => {
  test('the author and doctors with a treatment relationship can attach a file; for other doctors it is a 404', async () => {
    const { patient, appointment, path, asDoctor, asPatient, attach } = await newRecord()
    const colleague = await t.newDoctor({ clinicId: clinic.id })
    await t.newAppointment({ patient, doctor: colleague, startsAt: new Date('2026-01-07T15:00:00Z') })
    const stranger = await newPair()
    const options = { headers: MULTIPART }
    const body = form({ filename: 'a.pdf', content: pdf() })
    expect(await t.as(colleague.actor).post(path, body, options)).toMatchObject({
      status: 201,
      body: { doctor: { id: colleague.id } },
    })
    await t.db.updateTable('appointments').set({ status: 'cancelled' }).where('id', '=', appointment.id).execute()
    expect((await attach()).status).toBe(201)
    expect((await asDoctor.post(path.replace('records', 'prescriptions'), body, options)).status).toBe(404)

    const before = await stored()
    for (const client of [asPatient, t.as(await t.newAdmin())])
      expect((await client.post(path, body, options)).status).toBe(403)
    const refused = await stranger.asDoctor.post(path, body, options)
    const unknown = await stranger.asDoctor.post(`/records/${crypto.randomUUID()}/attachments`, body, options)
    expect(refused.status).toBe(404)
    expect({ ...refused.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' })
    const wrong = form({ filename: 'a.pdf', content: 'no PDF, as one sees' })
    expect((await stranger.asDoctor.post(path, wrong, options)).status).toBe(415)
    expect(await stored()).toEqual(before)
  })

  test('readers of the record and the doctor who attached a file can read it; for strangers it is a 404', async () => {
    const { patient, doctor, path, appointment, attach } = await newRecord()
    const guardian = await t.newPatient()
    await t.db.insertInto('patientGuardians').values({ userId: guardian.actor.userId, patientId: patient.id }).execute()
    const colleague = await t.newDoctor({ clinicId: clinic.id })
    const theirs = await t.newAppointment({ patient, doctor: colleague, startsAt: new Date('2026-01-07T15:00:00Z') })
    const own = (await attach()).body.id
    const body = form({ filename: 'a.pdf', content: pdf() })
    const other = (await t.as(colleague.actor).post(path, body, { headers: MULTIPART })).body.id

    const stranger = await newPair()
    for (const reader of [patient.actor, guardian.actor, doctor.actor, colleague.actor])
      for (const id of [own, other]) expect((await t.as(reader).get(`/attachments/${id}`)).status).toBe(200)
    expect((await t.as(await t.newAdmin()).get(`/attachments/${own}`)).status).toBe(403)
    const unknown = await stranger.asDoctor.get(`/attachments/${crypto.randomUUID()}`)
    for (const client of [stranger.asDoctor, stranger.asPatient]) {
      const refused = await client.get(`/attachments/${own}`)
      expect(refused.status).toBe(404)
      expect({ ...refused.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' })
    }

    const cancelled = t.db.updateTable('appointments').set({ status: 'cancelled' })
    await cancelled.where('id', 'in', [appointment.id, theirs.id]).execute()
    const statusOf = async (actor: Caller, id: string) => (await t.as(actor).get(`/attachments/${id}`)).status
    expect([await statusOf(doctor.actor, own), await statusOf(doctor.actor, other)]).toEqual([200, 200])
    expect([await statusOf(colleague.actor, own), await statusOf(colleague.actor, other)]).toEqual([404, 200])
  })
})
