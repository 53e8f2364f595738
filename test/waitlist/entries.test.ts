import { describe, expect, test } from 'bun:test'
import { createWaitlistApp } from './waitlist-app'

const t = await createWaitlistApp()
const doctor = await t.newCardiologist()
const join = (actor: Parameters<typeof t.as>[0], body: object) => t.as(actor).post('/waitlist', { ...t.days, ...body })

const auditOf = (targetId: string) =>
  t.auditEvents().select(['kind', 'action', 'patientIds']).where('targetId', '=', targetId).execute()

describe('joining the waiting list', () => {
  test('joining the waiting list creates a waiting entry and is audited with its patient', async () => {
    const patient = await t.newPatient()
    const { status, body, headers } = await join(patient.actor, { doctorId: doctor.id })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: body.id,
      status: 'waiting',
      patient: { id: patient.id, name: patient.name },
      doctor: { id: doctor.id, name: doctor.name },
      specialization: null,
      clinic: null,
      from: '2026-01-05',
      to: '2026-01-16',
      offer: null,
      createdAt: '2026-01-05T12:00:00Z',
    })
    expect(headers.get('location')).toBe(`/waitlist/${body.id}`)
    expect(await t.entryOf(patient, body.id)).toEqual(body)
    expect(await auditOf(body.id)).toMatchObject([
      { kind: 'waitlist.join', action: 'C', patientIds: [patient.id] },
      { kind: 'waitlist.read', action: 'R', patientIds: [patient.id] },
    ])
  })

  test('a waiting list entry needs either a doctor or a specialization', async () => {
    const { actor } = await t.newPatient()
    const paths = async (body: object) => {
      const { status, body: problem } = await join(actor, body)
      return [status, problem.errors?.map(({ path }: { path: string }) => path)]
    }
    expect(await paths({})).toEqual([422, ['doctorId']])
    expect(await paths({ doctorId: doctor.id, specialization: 'Cardiology' })).toEqual([422, ['doctorId']])
    expect(await paths({ specialization: 'Alchemy' })).toEqual([422, ['specialization']])
    expect(await paths({ specialization: 'cardioLOGY', clinicId: t.clinic.id })).toEqual([201, undefined])
  })

  test('the days of a waiting list entry must be in order, not past in every time zone, and one year at most', async () => {
    const { actor } = await t.newPatient()
    const status = async (from: string, to: string) => (await join(actor, { doctorId: doctor.id, from, to })).status
    expect(await status('2026-01-06', '2026-01-05')).toBe(422)
    expect(await status('2026-01-01', '2026-01-04')).toBe(422)
    expect(await status('2026-01-01', '2026-01-05')).toBe(201)
    expect(await status('2026-01-06', '2027-01-06')).toBe(201)
    expect(await status('2026-01-06', '2027-01-07')).toBe(422)
  })

  test('the clinic of a waiting list entry must have the doctor or the specialization', async () => {
    const { actor } = await t.newPatient()
    const elsewhere = await t.newClinic()
    expect((await join(actor, { doctorId: doctor.id, clinicId: elsewhere.id })).status).toBe(422)
    expect((await join(actor, { specialization: 'Cardiology', clinicId: elsewhere.id })).status).toBe(422)
    expect((await join(actor, { doctorId: doctor.id, clinicId: crypto.randomUUID() })).status).toBe(404)
    expect((await join(actor, { doctorId: crypto.randomUUID() })).status).toBe(404)
    const { body } = await join(actor, { doctorId: doctor.id, clinicId: t.clinic.id })
    expect(body.clinic).toMatchObject({ id: t.clinic.id })
  })

  test('patients cannot wait for an unverified doctor', async () => {
    const pending = await t.newDoctor({ clinicId: t.clinic.id, specialization: 'Podology', verified: false })
    const { actor } = await t.newPatient()
    expect((await join(actor, { doctorId: pending.id })).status).toBe(404)
    expect((await join(actor, { specialization: 'Podology' })).status).toBe(422)
  })

  test('patients join the waiting list for themselves and their wards, and admins for any patient', async () => {
    const [parent, child, stranger] = [
      await t.newPatient(),
      await t.newPatient({ account: false }),
      await t.newPatient(),
    ]
    await t.db.insertInto('patientGuardians').values({ userId: parent.actor.userId, patientId: child.id }).execute()
    const wish = { doctorId: doctor.id }
    expect((await join(parent.actor, { ...wish, patientId: child.id })).body.patient.id).toBe(child.id)
    expect((await join(stranger.actor, { ...wish, patientId: child.id })).status).toBe(404)
    const admin = await t.newAdmin()
    expect((await join(admin, wish)).status).toBe(422)
    expect((await join(admin, { ...wish, patientId: crypto.randomUUID() })).status).toBe(404)
    expect((await join(admin, { ...wish, patientId: child.id })).status).toBe(201)
    expect((await join(doctor.actor, { ...wish, patientId: child.id })).status).toBe(403)
  })

  test('a patient has at most ten waiting entries, even with concurrent requests', async () => {
    const { id, actor } = await t.newPatient()
    const answers = await Promise.all(Array.from({ length: 12 }, () => join(actor, { doctorId: doctor.id })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(10).fill(201), 409, 409])
    expect(answers.find(({ status }) => status === 409)!.body.code).toBe('invalid_state')
    const left = await t.as(actor).delete(`/waitlist/${answers.find(({ status }) => status === 201)!.body.id}`)
    expect(left.status).toBe(204)
    expect((await join(actor, { doctorId: doctor.id })).status).toBe(201)
    await t.db.updateTable('waitlistEntries').set({ endsOn: '2026-01-05' }).where('patientId', '=', id).execute()
    t.clock.advance(2 * 86_400_000)
    expect((await join(actor, { doctorId: doctor.id })).status).toBe(201)
    t.clock.advance(-2 * 86_400_000)
  })
})

describe('waiting list entries', () => {
  test('the waiting list shows patients their own entries newest first in pages, and admins all entries', async () => {
    const [patient, other] = [await t.newPatient(), await t.newPatient()]
    const ids: string[] = []
    for (let i = 0; i < 3; i++) {
      t.clock.advance(1_000)
      ids.unshift(await t.wait(patient, { doctorId: doctor.id }))
    }
    const foreign = await t.wait(other, { doctorId: doctor.id })
    const first = await t.as(patient.actor).get('/waitlist', { query: { limit: 2 } })
    const second = await t.as(patient.actor).get('/waitlist', { query: { limit: 2, cursor: first.body.nextCursor } })
    const listed = [...first.body.data, ...second.body.data].map(({ id }: { id: string }) => id)
    expect([listed, second.body.nextCursor]).toEqual([ids, null])
    const all = await t.as(await t.newAdmin()).get('/waitlist', { query: { limit: 100 } })
    const known = all.body.data
      .map(({ id }: { id: string }) => id)
      .filter((id: string) => [foreign, ...ids].includes(id))
    expect(known).toEqual([foreign, ...ids])
    expect((await t.as(doctor.actor).get('/waitlist')).status).toBe(403)
  })

  test('a waiting list entry expires after its last day', async () => {
    const patient = await t.newPatient()
    const id = await t.wait(patient, { doctorId: doctor.id, to: '2026-01-06' })
    t.clock.advance(86_400_000)
    expect((await t.entryOf(patient, id)).status).toBe('waiting')
    t.clock.advance(86_400_000)
    expect((await t.entryOf(patient, id)).status).toBe('expired')
    expect(await t.as(patient.actor).delete(`/waitlist/${id}`)).toMatchObject({ status: 409 })
    t.clock.advance(-2 * 86_400_000)
  })

  test('another patient gets a 404 for every action on a waiting list entry', async () => {
    const [patient, stranger] = [await t.newPatient(), await t.newPatient()]
    const id = await t.wait(patient, { doctorId: doctor.id })
    const as = t.as(stranger.actor)
    expect((await as.get(`/waitlist/${id}`)).status).toBe(404)
    expect((await as.put(`/waitlist/${id}/accept`)).status).toBe(404)
    expect((await as.put(`/waitlist/${id}/decline`)).status).toBe(404)
    expect((await as.delete(`/waitlist/${id}`)).status).toBe(404)
    expect((await t.entryOf(patient, id)).status).toBe('waiting')
  })

  test('a waiting entry can be withdrawn, but neither accepted nor declined', async () => {
    const patient = await t.newPatient()
    const id = await t.wait(patient, { doctorId: doctor.id })
    const as = t.as(patient.actor)
    expect(await as.put(`/waitlist/${id}/accept`)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect(await as.put(`/waitlist/${id}/decline`)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect((await as.delete(`/waitlist/${id}`)).status).toBe(204)
    expect(await t.entryOf(patient, id)).toMatchObject({ status: 'withdrawn', offer: null })
    expect(await as.delete(`/waitlist/${id}`)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
  })
})
