import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { createAccounts, PASSWORD } from './accounts'

const t = await createTestApp()
const { newAccount, signIn, refresh, withToken } = createAccounts(t)

const NEW_PASSWORD = 'another horse battery'
const listed = async (accessToken: string) => (await withToken(accessToken).get('/auth/sessions')).body.data

describe('sessions', () => {
  test("sessions are listed newest first in pages, and only the caller's own active ones", async () => {
    const first = await newAccount()
    await newAccount()
    t.clock.advance(1000)
    const second = (await signIn(first.email)).body
    t.clock.advance(1000)
    const third = (await signIn(first.email)).body
    await withToken(third.accessToken).post('/auth/logout')
    const sessions = await listed(first.accessToken)
    expect(sessions.map(({ current }: { current: boolean }) => current)).toEqual([false, true])
    expect(sessions[0]).toMatchObject({ ip: '127.0.0.1', createdAt: '2026-01-05T12:00:01Z' })
    const page = await withToken(second.accessToken).get('/auth/sessions', { query: { limit: 1 } })
    const rest = await withToken(second.accessToken).get('/auth/sessions', { query: { cursor: page.body.nextCursor } })
    expect([...page.body.data, ...rest.body.data].map(({ id }) => id)).toEqual(
      sessions.map(({ id }: { id: string }) => id),
    )
    expect(rest.body.nextCursor).toBeNull()
  })

  test('signing out ends only the current session', async () => {
    const { email, accessToken, refreshToken } = await newAccount()
    const other = (await signIn(email)).body
    const [session] = (await listed(accessToken)).filter(({ current }: { current: boolean }) => current)
    expect((await withToken(accessToken).post('/auth/logout')).status).toBe(204)
    expect((await withToken(accessToken).get('/auth/me')).status).toBe(401)
    expect((await refresh(refreshToken)).status).toBe(401)
    expect((await withToken(other.accessToken).get('/auth/me')).status).toBe(200)
    const events = await t.auditEvents().selectAll().where('targetId', '=', session.id).execute()
    expect(events).toMatchObject([{ kind: 'auth.sign_out', outcome: 'success' }])
  })

  test('a user can end their own session once, and cannot end a session of another user', async () => {
    const { email, accessToken } = await newAccount()
    const other = (await signIn(email)).body
    const stranger = await newAccount()
    const { id } = (await listed(accessToken)).find(({ current }: { current: boolean }) => !current)
    expect((await withToken(stranger.accessToken).delete(`/auth/sessions/${id}`)).status).toBe(404)
    expect((await refresh(other.refreshToken)).status).toBe(200)
    expect((await withToken(accessToken).delete(`/auth/sessions/${id}`)).status).toBe(204)
    expect((await withToken(accessToken).delete(`/auth/sessions/${id}`)).status).toBe(404)
    expect((await withToken(other.accessToken).get('/auth/me')).status).toBe(401)
    expect((await withToken(accessToken).get('/auth/me')).status).toBe(200)
  })
})

describe('password changes', () => {
  test('changing the password replaces the old one and ends the other sessions', async () => {
    const { email, accessToken, refreshToken, user } = await newAccount()
    const other = (await signIn(email)).body
    const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
    const options = { headers: { 'idempotency-key': 'change-it' } }
    const answer = await withToken(accessToken).put('/auth/password', change, options)
    expect(answer).toMatchObject({ status: 204, text: '' })
    expect((await withToken(accessToken).get('/auth/me')).status).toBe(200)
    expect((await refresh(refreshToken)).status).toBe(200)
    expect((await withToken(other.accessToken).get('/auth/me')).status).toBe(401)
    expect((await refresh(other.refreshToken)).status).toBe(401)
    expect((await signIn(email, PASSWORD)).status).toBe(401)
    expect((await signIn(email, NEW_PASSWORD)).status).toBe(200)
    const events = await t
      .auditEvents()
      .selectAll()
      .where('kind', '=', 'password.change')
      .where('targetId', '=', user.id)
      .execute()
    expect(events).toMatchObject([{ outcome: 'success', actorId: user.id }])

    const retry = await withToken(accessToken).put('/auth/password', change, options)
    expect(retry.status).toBe(204)
    expect(retry.headers.get('idempotent-replayed')).toBe('true')
  })

  test('changing the password with a wrong current one is refused and audited, and ends no session', async () => {
    const { email, accessToken } = await newAccount()
    const other = (await signIn(email)).body
    const change = { currentPassword: 'wrong horse battery', newPassword: NEW_PASSWORD }
    const answer = await withToken(accessToken).put('/auth/password', change)
    expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
    const event = await t.db
      .selectFrom('auditOutbox')
      .selectAll()
      .where('requestId', '=', answer.body.requestId)
      .executeTakeFirst()
    expect(event).toMatchObject({ kind: 'password.change', outcome: 'denied' })
    expect((await withToken(other.accessToken).get('/auth/me')).status).toBe(200)
    expect((await signIn(email)).status).toBe(200)
  })

  test('a new password must follow the password policy', async () => {
    const { email, accessToken } = await newAccount()
    for (const newPassword of ['too short', 'password12345', `my ${email.split('@')[0]} password`]) {
      const answer = await withToken(accessToken).put('/auth/password', { currentPassword: PASSWORD, newPassword })
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: 'newPassword' }] } })
    }
  })

  test('exactly one of two concurrent changes of one password succeeds', async () => {
    const { email, accessToken } = await newAccount()
    const other = (await signIn(email)).body
    const answers = await Promise.all(
      [accessToken, other.accessToken].map((token, i) =>
        withToken(token).put('/auth/password', { currentPassword: PASSWORD, newPassword: `${NEW_PASSWORD} ${i}` }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401])
    const winner = answers.findIndex(({ status }) => status === 204)
    expect((await signIn(email, `${NEW_PASSWORD} ${winner}`)).status).toBe(200)
  })
})
