import { beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { listUsers } from '../../src/auth/queries'
import { foldNames } from '../../src/database/fold-names'
import { searchTerms } from '../../src/database/search-terms'
import { searchDoctors } from '../../src/doctors/queries'
import { searchVisiblePatients } from '../../src/patients/queries'
import { createTestApp, NOW } from '../support/app'
import { scansOf } from '../support/query-plans'

const t = await createTestApp()
const admin = await t.newAdmin()
const asAdmin = t.as(admin)
const clinic = await t.newClinic()

const enter = (body: object) => asAdmin.post('/patients', { name: 'Nobody', dateOfBirth: '1990-01-01', ...body })
const find = async (path: string, q: string): Promise<string[]> =>
  (await asAdmin.get(path, { query: { q } })).body.data.map(({ name }: { name: string }) => name)

describe('a search by telephone', () => {
  test.each([
    ['+1 212 555 0142', '(212) 555-0142'],
    ['+1 212 555 0142', '12125550142'],
    ['+1 212 555 0142', '0012125550142'],
    ['(212) 555.0143', '+1 212-555-0143'],
    ['+49 (0)30 1234567', '030 / 123 45 67'],
    ['030 1234568', '+49 30 1234568'],
    ['+44 7911 223344', '223344'],
  ])('a number written %s is found by %s', async (phone, q) => {
    const name = `Caller ${phone} ${q}`
    await enter({ name, phone })
    await enter({ name: 'Another', phone: '+1 646 555 9999' })
    const found = await find('/patients', q)
    expect(found).toContain(name)
    expect(found).not.toContain('Another')
  })

  test('a number can be searched together with a name, and accounts by their number too', async () => {
    await enter({ name: 'Paula Phone', phone: '+41 44 668 18 00' })
    expect(await find('/patients', 'paula 044 668 18 00')).toEqual(['Paula Phone'])
    expect(await find('/patients', 'nobody 044 668 18 00')).toEqual([])
    const { id, actor } = await t.newPatient({ name: 'Ada Account' })
    await t.as(actor).patch(`/patients/${id}`, { phone: '(0)44-668 18 01' })
    expect(await find('/users', '+41446681801')).toEqual(['Ada Account'])
  })
})

describe('a search by name', () => {
  test.each([
    ['Zoë Quill', 'zoe'],
    ['Zoe Quirk', 'ZOË quirk'],
    ['Rory O’Neill', "o'neill"],
    ["Rory O'Brien", 'obrien'],
    ['Ǻsa Öberg', 'asa oberg'],
  ])('%s is found by %s among patients, users and doctors', async (name, q) => {
    const { id, actor } = await t.newPatient()
    await asAdmin.patch(`/patients/${id}`, { name })
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    await asAdmin.patch(`/doctors/${doctor.id}`, { name })
    for (const path of ['/patients', '/users', '/doctors']) expect(await find(path, q)).toContain(name)
    expect(actor.patientId).toBe(id)
  })

  test.each(['quimby', 'Quimbi', 'qiumby', 'quinby', 'qumby', 'quiimby', 'wuimby'])(
    'a name is found with at most one typo: %s',
    async (q) => {
      const { id } = await t.newPatient()
      await asAdmin.patch(`/patients/${id}`, { name: `Zelda Quimby` })
      const doctor = await t.newDoctor({ clinicId: clinic.id })
      await asAdmin.patch(`/doctors/${doctor.id}`, { name: `Zelda Quimby` })
      for (const path of ['/patients', '/users', '/doctors']) expect(await find(path, `zelda ${q}`)).not.toEqual([])
    },
  )

  test('two typos, a typo in a short word and a typo beside an exact match find nobody else', async () => {
    for (const name of ['Kim Halloway', 'Kim Hallowey']) await enter({ name })
    expect(await find('/patients', 'halowai')).toEqual([])
    expect(await find('/patients', 'kam halloway')).toEqual([])
    expect(await find('/patients', 'halloway')).toEqual(['Kim Halloway'])
  })
})

describe('names that an older release has written', () => {
  test('a stored fold is forgotten when only the name changes, and made anew by the task', async () => {
    const { body } = await enter({ name: 'Before' })
    const folded = async () =>
      (await t.db.selectFrom('patients').select('folded').where('id', '=', body.id).executeTakeFirstOrThrow()).folded
    expect(await folded()).toBe('before')
    await t.db.updateTable('patients').set({ name: 'Chloé' }).where('id', '=', body.id).execute()
    expect(await folded()).toBeNull()
    expect(await find('/patients', 'chloé')).toEqual(['Chloé'])
    expect(await foldNames(t.deps.db)).toBeGreaterThan(0)
    expect(await folded()).toBe('chloe')
    expect(await foldNames(t.deps.db)).toBe(0)
    await asAdmin.patch(`/patients/${body.id}`, { name: 'Chloe' })
    expect(await folded()).toBe('chloe')
  })
})

describe('indexes of people', () => {
  beforeAll(async () => {
    await sql`insert into patients (id, name, folded, phone, date_of_birth)
      select gen_random_uuid(), md5(i::text), md5(i::text), '+1 212 ' || (5000000 + i), '1980-01-01'
      from generate_series(1, 30000) as i`.execute(t.db)
    await sql`insert into users (id, email, password_hash, role, name, folded, phone)
      select id, id || '@example.org', 'none', 'patient', name, folded, phone from patients where user_id is null`.execute(
      t.db,
    )
    await sql`insert into doctors (id, name, specialization, license_number, folded)
      select id, name, 'X', 'L', folded from patients where user_id is null`.execute(t.db)
    await sql`vacuum analyze`.execute(t.db)
  }, 120_000)

  test.each([
    ['a word', 'c4ca4238a0b', false, '_words'],
    ['a word with a typo', 'quimbi', true, '_words'],
    ['a telephone number', '2125004242', false, '_phone'],
  ])('a search by %s reads people by index', async (_title, q, forgiving, index) => {
    const search = { terms: searchTerms(q), forgiving }
    const page = { limit: 21 }
    const viewer = { ...t.deps, actor: admin, now: NOW }
    const patients = await scansOf(t, (db) => searchVisiblePatients(db, viewer, { search, ...page }))
    expect(patients.patients).toContain(`patients${index}`)
    expect(patients.patients).not.toContain('seq scan')
    const users = await scansOf(t, (db) => listUsers(db, { search }, 21))
    expect(users.users).toContain(`users${index}`)
    if (index === '_phone') return
    const doctors = await scansOf(t, (db) => searchDoctors(db, search, {}, page))
    expect(doctors.doctors).toContain(`doctors${index}`)
  })
})
