import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { createAccounts, doctorBody } from './accounts'

const ROUNDS = process.env.TEST_SCALE === 'full' ? 50 : 5

const t = await createTestApp()
const { newAccount, signIn, refresh, withToken } = createAccounts(t)
const admin = await t.newAdmin()

const list = (query: Record<string, string | number>) => t.as(admin).get('/users', { query })
const ids = (answer: { body: { data: { id: string }[] } }) => answer.body.data.map(({ id }) => id)

describe('user accounts', () => {
  test('user accounts are listed newest first to admins, and the list is audited with its patients', async () => {
    const first = await newAccount({ phone: '+1 212 555 0100' })
    t.clock.advance(1000)
    const second = await newAccount()
    const answer = await list({ limit: 2 })
    expect(ids(answer)).toEqual([second.user.id, first.user.id])
    expect(answer.body.data[1]).toEqual({
      ...first.user,
      phone: '+1 212 555 0100',
      status: 'active',
      createdAt: '2026-01-05T12:00:00Z',
    })
    const event = await t.db
      .selectFrom('auditOutbox')
      .selectAll()
      .where('kind', '=', 'user.list')
      .orderBy('id', 'desc')
      .executeTakeFirst()
    expect(event).toMatchObject({ actorId: admin.userId, patientIds: [second.user.patientId, first.user.patientId] })
    const next = await list({ limit: 100, cursor: answer.body.nextCursor })
    expect(ids(next)).toContain(admin.userId)
    expect(ids(next)).not.toContain(first.user.id)
  })

  test('user accounts can be filtered by role, status and a literal part of the name or email address', async () => {
    const { body } = await t.anonymous.post('/auth/register', doctorBody({ name: 'Zoë 100%_\\ Quill' }))
    const patient = await newAccount({ name: 'Zoë 1000 Quill' })
    await t.as(admin).patch(`/users/${patient.user.id}`, { status: 'disabled' })
    expect(ids(await list({ q: 'quill' })).sort()).toEqual([body.user.id, patient.user.id].sort())
    expect(ids(await list({ q: '100%_\\' }))).toEqual([body.user.id])
    expect(ids(await list({ q: 'quill', role: 'doctor' }))).toEqual([body.user.id])
    expect(ids(await list({ q: 'quill', status: 'disabled' }))).toEqual([patient.user.id])
    expect(ids(await list({ q: patient.email.toUpperCase() }))).toEqual([patient.user.id])
    expect(ids(await list({ q: 'quill', role: 'admin' }))).toEqual([])
  })

  test('user accounts are for admins only', async () => {
    const { accessToken, user } = await newAccount()
    expect((await withToken(accessToken).get('/users')).status).toBe(403)
    expect((await withToken(accessToken).patch(`/users/${user.id}`, { status: 'active' })).status).toBe(403)
    expect((await t.anonymous.get('/users')).status).toBe(401)
  })
})

describe('disabling an account', () => {
  test('disabling an account ends every session, and enabling it allows a new sign-in but restores no session', async () => {
    const { email, user, accessToken, refreshToken } = await newAccount()
    const other = (await signIn(email)).body
    const answer = await t.as(admin).patch(`/users/${user.id}`, { status: 'disabled' })
    expect(answer).toMatchObject({ status: 200, body: { ...user, status: 'disabled' } })
    for (const token of [accessToken, other.accessToken])
      expect((await withToken(token).get('/auth/me')).status).toBe(401)
    expect((await refresh(refreshToken)).status).toBe(401)
    expect((await signIn(email)).status).toBe(401)
    const events = await t
      .auditEvents()
      .selectAll()
      .where('kind', '=', 'user.update')
      .where('targetId', '=', user.id)
      .execute()
    expect(events).toMatchObject([
      { actorId: admin.userId, patientIds: [user.patientId], detail: { status: 'disabled' }, outcome: 'success' },
    ])

    await t.as(admin).patch(`/users/${user.id}`, { status: 'active' })
    expect((await refresh(refreshToken)).status).toBe(401)
    expect((await signIn(email)).status).toBe(200)
  })

  test('disabling an unknown user answers 404', async () => {
    const answer = await t.as(admin).patch(`/users/${crypto.randomUUID()}`, { status: 'disabled' })
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test('the last active admin cannot be disabled, also when the last two disable each other at once', async () => {
    const t = await createTestApp()
    for (let round = 0; round < ROUNDS; round++) {
      await t.db.updateTable('users').set({ status: 'disabled' }).execute()
      const [one, two] = [await t.newAdmin(), await t.newAdmin()]
      const answers = await Promise.all([
        t.as(one).patch(`/users/${two.userId}`, { status: 'disabled' }),
        t.as(two).patch(`/users/${one.userId}`, { status: 'disabled' }),
      ])
      // The later request may find its own session ended already.
      const statuses = answers.map(({ status }) => status).sort()
      expect([
        [200, 401],
        [200, 409],
      ]).toContainEqual(statuses)
      const active = await t.db.selectFrom('users').select('id').where('status', '=', 'active').execute()
      expect(active.length).toBe(1)
      const survivor = active[0]!.id === one.userId ? one : two
      const last = await t.as(survivor).patch(`/users/${survivor.userId}`, { status: 'disabled' })
      expect(last).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    }
  })

  test.each([
    ['disabled', { status: 'disabled' as const }],
    ['given another password', { passwordHash: 'another' }],
  ])('an account that is %s while its password is checked begins no session', async (_, change) => {
    const { email, user } = await newAccount()
    const { passwordLimiter } = t.deps
    t.deps.passwordLimiter = async (key, task) => {
      const checked = await passwordLimiter(key, task)
      await t.db.updateTable('users').set(change).where('id', '=', user.id).execute()
      return checked
    }
    const answer = await signIn(email)
    t.deps.passwordLimiter = passwordLimiter
    expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
    const sessions = await t.db.selectFrom('sessions').select('id').where('userId', '=', user.id).execute()
    expect(sessions.length).toBe(1)
  })
})
