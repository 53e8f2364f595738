import { describe, expect, test } from 'bun:test'
import { type KyselyPlugin, type RootOperationNode, sql } from 'kysely'
import { searchVisiblePatients } from '../../src/patients/queries'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const asAdmin = t.as(admin)

const auditOf = (targetId: string) => t.auditEvents().selectAll().where('targetId', '=', targetId).execute()

describe('a patient without an account', () => {
  test('an admin creates a patient without an account and reads it back', async () => {
    const body = {
      name: '  Grace Murray ',
      email: 'grace@example.org',
      phone: '+1 212 555 0142',
      dateOfBirth: '1986-12-09',
      gender: 'female',
      address: '7 Elm Row',
    }
    const created = await asAdmin.post('/patients', body)
    expect(created).toMatchObject({ status: 201, body: { ...body, name: 'Grace Murray', history: null } })
    expect(created.headers.get('location')).toBe(`/patients/${created.body.id}`)
    const read = await asAdmin.get(`/patients/${created.body.id}`)
    expect(read.body).toEqual(created.body)
    expect(read.headers.get('etag')).toBe('"1"')
    expect(await auditOf(created.body.id)).toMatchObject([
      { kind: 'patient.create', action: 'C', outcome: 'success', patientIds: [created.body.id], actorId: admin.userId },
      { kind: 'patient.read', action: 'R', outcome: 'success', patientIds: [created.body.id], actorId: admin.userId },
    ])
  })

  test('a patient without an account needs only a name and a date of birth', async () => {
    const { status, body } = await asAdmin.post('/patients', { name: 'Ben', dateOfBirth: '2024-02-29' })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: body.id,
      name: 'Ben',
      email: null,
      phone: null,
      dateOfBirth: '2024-02-29',
      gender: 'unknown',
      address: null,
      history: null,
    })
  })

  test.each([
    ['2026-01-07', 'in the future'],
    ['2026-02-30', 'that does not exist'],
    ['1899-12-31', 'before 1900'],
  ])('a patient cannot be born on %s, a day %s', async (dateOfBirth) => {
    const answer = await asAdmin.post('/patients', { name: 'Ben', dateOfBirth })
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: 'dateOfBirth' }] } })
  })

  test('a date of birth may be tomorrow in UTC, since that day has begun in other time zones', async () => {
    expect((await asAdmin.post('/patients', { name: 'Ben', dateOfBirth: '2026-01-06' })).status).toBe(201)
  })
})

describe('a change of a patient', () => {
  test('a change by the patient updates the name and phone of the account, but not its sign-in email', async () => {
    const { id, actor } = await t.newPatient()
    const account = () =>
      t.db.selectFrom('users').select(['name', 'phone', 'email']).where('id', '=', actor.userId).executeTakeFirst()
    const before = await account()
    const body = { name: 'New Name', phone: '+49 30 1234', email: 'other@example.org' }
    const changed = await t.as(actor).patch(`/patients/${id}`, body)
    expect(changed).toMatchObject({ status: 200, body })
    expect(changed.headers.get('etag')).toBe('"2"')
    expect(await account()).toEqual({ name: 'New Name', phone: '+49 30 1234', email: before!.email })
    expect(await auditOf(id)).toMatchObject([{ kind: 'patient.update', action: 'U', patientIds: [id] }])
  })

  test('a change of a patient keeps the fields it does not contain, and null clears a field', async () => {
    const { id } = await t.newPatient()
    await asAdmin.patch(`/patients/${id}`, { address: '7 Elm Row', phone: '12345' })
    const { body } = await asAdmin.patch(`/patients/${id}`, { phone: null })
    expect(body).toMatchObject({ address: '7 Elm Row', phone: null, gender: 'unknown', dateOfBirth: '1990-05-17' })
  })

  test('a change of an outdated patient version is refused', async () => {
    const { id } = await t.newPatient()
    const first = { headers: { 'if-match': '"1"' } }
    expect((await asAdmin.patch(`/patients/${id}`, { gender: 'other' }, first)).status).toBe(200)
    expect((await asAdmin.patch(`/patients/${id}`, { gender: 'male' }, first)).status).toBe(412)
    expect((await asAdmin.get(`/patients/${id}`)).body.gender).toBe('other')
  })

  test('a doctor cannot change a patient', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const patient = await t.newPatient()
    await t.newAppointment({ patient, doctor, startsAt: NOW })
    expect((await t.as(doctor.actor).patch(`/patients/${patient.id}`, { address: 'X' })).status).toBe(403)
  })
})

describe('patient search', () => {
  const names = async (q: string) =>
    (await asAdmin.get('/patients', { query: { q } })).body.data.map(({ name }: { name: string }) => name)
  const enter = (body: object) => asAdmin.post('/patients', { dateOfBirth: '1990-01-01', ...body })

  test('patient search matches each word as a part of name, email or phone, in any case', async () => {
    await enter({ name: 'Zelda Quimby', email: 'ZQ@warrens.example.org', phone: '+44 7911 223344' })
    await enter({ name: 'Zoltan Quimby' })
    expect(await names('quimby')).toEqual(['Zoltan Quimby', 'Zelda Quimby'])
    expect(await names('quimby ZEL')).toEqual(['Zelda Quimby'])
    expect(await names('warrens')).toEqual(['Zelda Quimby'])
    expect(await names('7911 2233')).toEqual(['Zelda Quimby'])
    expect(await names('quimby nobody')).toEqual([])
  })

  test('patient search treats % and _ and \\ as plain characters', async () => {
    await enter({ name: 'Under_score' })
    await enter({ name: 'Underscore' })
    await enter({ name: 'Back\\slash' })
    expect(await names('r_s')).toEqual(['Under_score'])
    expect(await names('k\\s')).toEqual(['Back\\slash'])
    expect(await names('%')).toEqual([])
  })

  test('patient search is audited with every patient it showed', async () => {
    const { body } = await enter({ name: 'Shown Person' })
    const answer = await asAdmin.get('/patients', { query: { q: 'Shown' } })
    const requestId = answer.headers.get('x-request-id')!
    const events = await t.auditEvents().selectAll().where('requestId', '=', requestId).execute()
    expect(events).toMatchObject([{ kind: 'patient.list', action: 'R', patientIds: [body.id], targetId: null }])
  })

  test('patient search pages without gaps or repeats, even among patients created at the same time', async () => {
    for (let i = 0; i < 5; i++) await enter({ name: `Paged ${i}` })
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query = { q: 'Paged', limit: 2, ...(cursor && { cursor }) }
      const { body } = await asAdmin.get('/patients', { query })
      seen.push(...body.data.map(({ name }: { name: string }) => name))
      cursor = body.nextCursor
    } while (cursor)
    expect(seen).toEqual([4, 3, 2, 1, 0].map((i) => `Paged ${i}`))
  })

  test('patient search uses the trigram index', async () => {
    await sql`insert into patients (id, name, date_of_birth)
      select gen_random_uuid(), 'Person ' || md5(i::text), '1980-01-01' from generate_series(1, 10000) as i`.execute(
      t.db,
    )
    const { client, plan } = { client: await t.deps.postgres.pool.connect(), plan: captureQuery() }
    try {
      // Vacuum empties the index's list of pending entries, as autovacuum would.
      await client.query('vacuum analyze patients')
      const search = { search: { terms: [{ word: '8f14e45fceea167a' }], forgiving: false }, limit: 21 }
      expect(
        await searchVisiblePatients(t.db.withPlugin(plan), { ...t.deps, actor: admin, now: NOW }, search),
      ).toHaveLength(1)
      const { sql, parameters } = t.db.getExecutor().compileQuery(plan.node!, { queryId: 'explain' })
      const { rows: lines } = await client.query(`explain ${sql}`, [...parameters])
      expect(lines.map((line) => line['QUERY PLAN']).join('\n')).toContain('Bitmap Index Scan on patients_words')
    } finally {
      client.release()
    }
  })
})

function captureQuery() {
  const plugin: KyselyPlugin & { node?: RootOperationNode } = {
    transformQuery({ node }) {
      plugin.node = node
      return node
    },
    transformResult: async ({ result }) => result,
  }
  return plugin
}
