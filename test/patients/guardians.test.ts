import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const asAdmin = t.as(admin)
const newWard = () => t.newPatient({ account: false })
const pathOf = ({ id }: { id: string }) => `/patients/${id}/guardians`
const eventOf = ({ headers }: { headers: Headers }) =>
  t
    .auditEvents()
    .select(['kind', 'outcome', 'patientIds', 'targetId'])
    .where('requestId', '=', headers.get('x-request-id')!)
    .execute()

describe('guardians', () => {
  test('a guardian may act for the patient as long as the guardianship lasts, and both changes are audited', async () => {
    const [ward, guardian] = [await newWard(), await t.newPatient()]
    const { userId } = guardian.actor
    expect((await t.as(guardian.actor).get(`/patients/${ward.id}`)).status).toBe(404)
    const added = await asAdmin.post(pathOf(ward), { userId })
    expect(added).toMatchObject({ status: 201, body: { userId, name: guardian.name } })
    const facts = { outcome: 'success' as const, patientIds: [ward.id], targetId: userId }
    expect(await eventOf(added)).toEqual([{ kind: 'guardian.add', ...facts }])
    expect((await t.as(guardian.actor).get(`/patients/${ward.id}`)).status).toBe(200)

    const removed = await asAdmin.delete(`${pathOf(ward)}/${userId}`)
    expect(removed.status).toBe(204)
    expect(await eventOf(removed)).toEqual([{ kind: 'guardian.remove', ...facts }])
    expect((await t.as(guardian.actor).get(`/patients/${ward.id}`)).status).toBe(404)
    expect((await asAdmin.delete(`${pathOf(ward)}/${userId}`)).status).toBe(404)
  })

  test('the patient, each guardian and admins read the list in pages; nobody else does', async () => {
    const ward = await t.newPatient()
    const guardians = [await t.newPatient(), await t.newPatient(), await t.newPatient()]
    for (const { actor } of guardians) await asAdmin.post(pathOf(ward), { userId: actor.userId })
    const newest = guardians.map(({ actor, name }) => ({ userId: actor.userId, name })).reverse()
    for (const actor of [ward.actor, guardians[0]!.actor, admin])
      expect((await t.as(actor).get(pathOf(ward))).body.data).toEqual(newest)
    const first = await asAdmin.get(pathOf(ward), { query: { limit: 2 } })
    const second = await asAdmin.get(pathOf(ward), { query: { limit: 2, cursor: first.body.nextCursor } })
    expect([...first.body.data, ...second.body.data]).toEqual(newest)
    expect(second.body.nextCursor).toBeNull()
    expect((await t.as((await t.newPatient()).actor).get(pathOf(ward))).status).toBe(404)
  })

  test('a guardian is an active patient account of somebody else, once, of a patient who is not erased', async () => {
    const [ward, disabled, guardian] = [await t.newPatient(), await t.newPatient(), await t.newPatient()]
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    await asAdmin.patch(`/users/${disabled.actor.userId}`, { status: 'disabled' })
    for (const { userId } of [doctor.actor, admin, disabled.actor, ward.actor, { userId: crypto.randomUUID() }])
      expect(await asAdmin.post(pathOf(ward), { userId })).toMatchObject({
        status: 422,
        body: { errors: [{ path: 'userId' }] },
      })
    const body = { userId: guardian.actor.userId }
    expect((await asAdmin.post(pathOf({ id: crypto.randomUUID() }), body)).status).toBe(404)
    expect((await asAdmin.post(pathOf(ward), body)).status).toBe(201)
    const refused = { status: 409, body: { code: 'invalid_state' } }
    expect(await asAdmin.post(pathOf(ward), body)).toMatchObject(refused)
    await asAdmin.post(`/patients/${ward.id}/erase`)
    expect(await asAdmin.post(pathOf(ward), body)).toMatchObject(refused)
  })
})
