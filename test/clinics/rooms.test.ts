import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const patient = await t.newPatient()

type Room = { id: string; name: string }
const post = (clinic: { id: string }, name: string) => t.as(admin).post(`/clinics/${clinic.id}/rooms`, { name })
const list = async (clinic: { id: string }): Promise<Room[]> =>
  (await t.as(patient.actor).get(`/clinics/${clinic.id}/rooms`)).body.data
const audited = (targetId: string) =>
  t
    .auditEvents()
    .select(['kind', 'action', 'actorId', 'patientIds'])
    .where('targetId', '=', targetId)
    .where('outcome', '=', 'success')
    .execute()

describe('rooms', () => {
  test('an admin adds a room that anyone signed in can then read', async () => {
    const clinic = await t.newClinic()
    const created = await post(clinic, '  Room 1 ')
    expect(created).toMatchObject({ status: 201, body: { name: 'Room 1' } })
    const path = created.headers.get('location')!
    expect(path).toBe(`/clinics/${clinic.id}/rooms/${created.body.id}`)
    expect((await t.as(patient.actor).get(path)).body).toEqual({ id: created.body.id, name: 'Room 1' })
    expect(await list(clinic)).toEqual([created.body])
    const stored = await t.db.selectFrom('rooms').selectAll().where('clinicId', '=', clinic.id).execute()
    expect(stored).toEqual([{ ...created.body, clinicId: clinic.id, retiredAt: null, createdAt: NOW }])
    expect(await audited(created.body.id)).toEqual([
      { kind: 'room.create', action: 'C', actorId: admin.userId, patientIds: [] },
    ])
  })

  test('only admins change rooms, and only signed-in users read them', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const path = `/clinics/${clinic.id}/rooms`
    const { body } = await post(clinic, 'Room 1')
    for (const actor of [patient.actor, doctor.actor]) {
      expect((await t.as(actor).post(path, { name: 'Mine' })).status).toBe(403)
      expect((await t.as(actor).patch(`${path}/${body.id}`, { name: 'Mine' })).status).toBe(403)
      expect((await t.as(actor).delete(`${path}/${body.id}`)).status).toBe(403)
    }
    expect((await t.anonymous.get(path)).status).toBe(401)
    expect(await list(clinic)).toEqual([body])
  })

  test('a room name is unique in its clinic, whatever its case, and another clinic may use it too', async () => {
    const [clinic, other] = [await t.newClinic(), await t.newClinic()]
    const { body: first } = await post(clinic, 'Blue')
    const { body: second } = await post(clinic, 'Red')
    expect(await post(clinic, 'bLUE')).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect((await post(other, 'Blue')).status).toBe(201)
    const path = (room: Room) => `/clinics/${clinic.id}/rooms/${room.id}`
    expect((await t.as(admin).patch(path(second), { name: 'BLUE' })).body.code).toBe('invalid_state')
    expect((await t.as(admin).patch(path(first), { name: 'BLUE' })).body).toEqual({ ...first, name: 'BLUE' })
    expect(await list(clinic)).toEqual([second, { ...first, name: 'BLUE' }])
    expect((await audited(first.id)).map(({ kind }) => kind)).toEqual(['room.create', 'room.update'])
  })

  test('concurrent requests with one room name create one room', async () => {
    const clinic = await t.newClinic()
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(clinic, 'Only')))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(7).fill(409)])
    expect(await list(clinic)).toHaveLength(1)
  })

  test('a clinic has at most 200 rooms in use', async () => {
    const clinic = await t.newClinic()
    const rooms = Array.from({ length: 199 }, (_, i) => ({ id: newId(), clinicId: clinic.id, name: `Room ${i}` }))
    await t.db.insertInto('rooms').values(rooms).execute()
    const answers = await Promise.all(['a', 'b', 'c'].map((name) => post(clinic, name)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409])
    await t.as(admin).delete(`/clinics/${clinic.id}/rooms/${rooms[0]!.id}`)
    expect((await post(clinic, 'd')).status).toBe(201)
  })

  test('a deleted room answers 404, its name is free again, and its appointments keep it', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const { body: room } = await post(clinic, 'Room 1')
    const visit = await t.newAppointment({ patient, doctor, startsAt: '2026-01-06T14:00:00Z' })
    await setRoom(visit.id, room.id)
    const path = `/clinics/${clinic.id}/rooms/${room.id}`
    const gone = await t.as(admin).delete(path)
    expect(gone).toMatchObject({ status: 204, text: '' })
    expect(await list(clinic)).toEqual([])
    expect((await t.as(admin).get(path)).status).toBe(404)
    expect((await t.as(admin).patch(path, { name: 'Again' })).status).toBe(404)
    expect((await t.as(admin).delete(path)).status).toBe(404)
    expect((await post(clinic, 'Room 1')).status).toBe(201)
    expect(await roomOf(visit.id)).toBe(room.id)
    expect(await t.db.selectFrom('rooms').select('retiredAt').where('id', '=', room.id).execute()).toEqual([
      { retiredAt: NOW },
    ])
    expect((await audited(room.id)).map(({ kind, action }) => [kind, action])).toEqual([
      ['room.create', 'C'],
      ['room.delete', 'D'],
    ])
  })

  test('no appointment can be put into a room of another clinic', async () => {
    const [here, there] = [await t.newClinic(), await t.newClinic()]
    const doctor = await t.newDoctor({ clinicId: here.id })
    const { body: room } = await post(there, 'Room 1')
    const visit = await t.newAppointment({ patient, doctor, startsAt: '2026-01-07T14:00:00Z' })
    expect(setRoom(visit.id, room.id)).rejects.toThrow('appointments_room_of_clinic')
  })

  test('a room is found in its own clinic only, and an unknown clinic has none', async () => {
    const [clinic, other] = [await t.newClinic(), await t.newClinic()]
    const { body: room } = await post(clinic, 'Room 1')
    for (const id of [other.id, newId()]) {
      const path = `/clinics/${id}/rooms/${room.id}`
      expect((await t.as(admin).get(path)).status).toBe(404)
      expect((await t.as(admin).patch(path, { name: 'x' })).status).toBe(404)
      expect((await t.as(admin).delete(path)).status).toBe(404)
    }
    expect((await t.as(admin).get(`/clinics/${newId()}/rooms`)).status).toBe(404)
    expect((await post({ id: newId() }, 'Nowhere')).status).toBe(404)
    expect(await list(clinic)).toEqual([room])
  })

  test('pages of rooms show each one once, newest first', async () => {
    const clinic = await t.newClinic()
    for (const name of ['a', 'b', 'c', 'd', 'e']) await post(clinic, name)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query = { limit: 2, ...(cursor && { cursor }) }
      const page = await t.as(patient.actor).get(`/clinics/${clinic.id}/rooms`, { query })
      seen.push(...page.body.data.map(({ name }: Room) => name))
      cursor = page.body.nextCursor
    } while (cursor)
    expect(seen).toEqual(['e', 'd', 'c', 'b', 'a'])
  })

  test('one idempotency key creates one room', async () => {
    const clinic = await t.newClinic()
    const key = { headers: { 'idempotency-key': 'room' } }
    const add = () => t.as(admin).post(`/clinics/${clinic.id}/rooms`, { name: 'Once' }, key)
    const first = await add()
    expect((await add()).text).toBe(first.text)
    expect(await list(clinic)).toEqual([first.body])
  })
})

const setRoom = (id: string, roomId: string) =>
  t.deps.postgres.pool.query('update appointments set room_id = $1 where id = $2', [roomId, id])
const roomOf = async (id: string) =>
  (await t.deps.postgres.pool.query('select room_id from appointments where id = $1', [id])).rows[0].room_id
