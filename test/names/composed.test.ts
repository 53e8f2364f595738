import { describe, expect, test } from 'bun:test'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { logWarnings } from '../../db/migrate'
import { up as composeNames } from '../../db/migrations/20261130T1500-compose-names'
import { findUserByEmail } from '../../src/auth/queries'
import { newId } from '../../src/database/ids'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const asAdmin = t.as(admin)

const COMPOSED = 'Jos\u00e9 N\u00fa\u00f1ez'
const DECOMPOSED = COMPOSED.normalize('NFD')

const born = { dateOfBirth: '1990-01-01' }
const namesOf = (answer: { body: { data: { name: string }[] } }) => answer.body.data.map(({ name }) => name)

describe('accented letters typed as one character or as two', () => {
  test('a name is stored composed, however it was typed, and found by both', async () => {
    const created = await asAdmin.post('/patients', { name: DECOMPOSED, address: 'Caf\u0065\u0301 1', ...born })
    expect(created).toMatchObject({ status: 201, body: { name: COMPOSED, address: 'Caf\u00e9 1' } })
    for (const q of [COMPOSED, DECOMPOSED])
      expect(namesOf(await asAdmin.get('/patients', { query: { q } }))).toEqual([COMPOSED])
  })

  test('a room cannot be added twice under one name in two forms', async () => {
    const clinic = await t.newClinic()
    const rooms = `/clinics/${clinic.id}/rooms`
    expect(await asAdmin.post(rooms, { name: DECOMPOSED })).toMatchObject({ status: 201, body: { name: COMPOSED } })
    expect((await asAdmin.post(rooms, { name: COMPOSED })).status).toBe(409)
  })

  test('a doctor is found by name and by specialization in both forms', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const change = { name: DECOMPOSED, specialization: 'Pe\u0301diatrie' }
    const changed = await t.as(doctor.actor).patch(`/doctors/${doctor.id}`, change)
    expect(changed.body).toMatchObject({ name: COMPOSED, specialization: 'P\u00e9diatrie' })
    for (const form of ['NFC', 'NFD'])
      for (const [field, words] of [
        ['q', COMPOSED],
        ['specialization', 'p\u00e9diatrie'],
      ] as const) {
        const query = { [field]: words.normalize(form) }
        expect(namesOf(await t.anonymous.get('/doctors', { query }))).toEqual([COMPOSED])
      }
  })

  test('an account is found by its stored address in both forms, and by the exact one first', async () => {
    const add = (email: string) =>
      t.db.insertInto('users').values({ id: newId(), email, passwordHash: 'none', role: 'admin', name: 'X' }).execute()
    const found = async (email: string) => (await findUserByEmail(t.deps.db, email))?.email
    const address = 'jos\u00e9@example.org'
    const other = address.normalize('NFD')
    await add(other)
    for (const form of [address, other, address.toUpperCase()]) expect(await found(form)).toBe(other)
    await add(address)
    expect(await found(address)).toBe(address)
    expect(await found(other)).toBe(other)
  })
})

describe('the migration that composes stored names', () => {
  test('stored names are composed with a new version, and all other texts stay', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const [patient, other] = [await t.newPatient({ name: DECOMPOSED }), await t.newPatient()]
    const texts = { name: DECOMPOSED, specialization: 'Pe\u0301diatrie', bio: DECOMPOSED }
    await t.db.updateTable('doctors').set(texts).where('id', '=', doctor.id).execute()
    await composeNames(t.deps.db as never)
    const rowOf = (table: 'patients' | 'users', id: string) =>
      t.db.selectFrom(table).select('name').where('id', '=', id).executeTakeFirst()
    expect(await rowOf('patients', patient.id)).toEqual({ name: COMPOSED })
    expect(await rowOf('users', patient.actor.userId)).toEqual({ name: COMPOSED })
    const versions = async (id: string) => (await asAdmin.get(`/patients/${id}`)).headers.get('etag')
    expect(await versions(patient.id)).toBe('"2"')
    expect(await versions(other.id)).toBe('"1"')
    const changed = (await asAdmin.get(`/doctors/${doctor.id}`)).body
    expect(changed).toMatchObject({ name: COMPOSED, specialization: 'P\u00e9diatrie', bio: DECOMPOSED })
  })

  test('a room whose name becomes that of another gets a number, and a warning names its id', async () => {
    const [clinic, elsewhere] = [await t.newClinic(), await t.newClinic()]
    const add = async (name: string, clinicId = clinic.id, retiredAt: Date | null = null) => {
      const id = newId()
      await t.db.insertInto('rooms').values({ id, clinicId, name, retiredAt, createdAt: t.clock.now() }).execute()
      return id
    }
    const kept = await add(COMPOSED)
    const twin = await add(DECOMPOSED.toUpperCase())
    const retired = await add(DECOMPOSED, clinic.id, t.clock.now())
    const alone = await add(DECOMPOSED, elsewhere.id)

    const lines: string[] = []
    const pool = new pg.Pool({ ...t.deps.config.postgres, max: 1 })
    logWarnings(pool, (line) => lines.push(line))
    const db = new Kysely<never>({ dialect: new PostgresDialect({ pool }) })
    await composeNames(db)
    await db.destroy()

    const rooms = await t.db.selectFrom('rooms').select(['id', 'name']).execute()
    const nameOf = (id: string) => rooms.find((room) => room.id === id)?.name
    expect([kept, twin, retired, alone].map(nameOf)).toEqual([
      COMPOSED,
      `${COMPOSED.toUpperCase()} (2)`,
      COMPOSED,
      COMPOSED,
    ])
    expect(lines).toEqual([
      `warning: room ${twin} has the same name as another room of its clinic: (2) was added to it`,
    ])
  })
})
