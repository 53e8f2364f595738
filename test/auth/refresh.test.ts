import { describe, expect, test } from 'bun:test'
import { signRefreshToken } from '../../src/auth/sessions/tokens'
import { createTestApp, NOW } from '../support/app'
import { createAccounts, PASSWORD } from './accounts'

const t = await createTestApp()
const { newAccount, refresh, withToken, signIn } = createAccounts(t)

const sessionsOf = (userId: string) =>
  t.db.selectFrom('sessions').selectAll().where('userId', '=', userId).orderBy('createdAt', 'desc').execute()
const expectRefused = (answer: unknown) =>
  expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_refresh_token' } })

describe('refresh tokens', () => {
  test('refreshing rotates the refresh token and returns a valid access token', async () => {
    const { refreshToken, user } = await newAccount()
    t.clock.advance(60_000)
    const { status, body } = await refresh(refreshToken)
    expect(status).toBe(200)
    expect(body.refreshToken).not.toBe(refreshToken)
    expect(body).toMatchObject({ tokenType: 'Bearer', expiresIn: 900, user })
    expect((await withToken(body.accessToken).get('/auth/me')).body).toEqual(user)
    const [session] = await sessionsOf(user.id)
    expect(session).toMatchObject({ generation: 1, rotatedAt: t.clock.now(), lastUsedAt: t.clock.now() })
    const events = await t.auditEvents().selectAll().where('targetId', '=', session!.id).execute()
    expect(events).toMatchObject([{ kind: 'auth.refresh', outcome: 'success', actorId: user.id }])
    expect((await refresh(body.refreshToken)).status).toBe(200)
  })

  test('concurrent refreshes with one token return the same new refresh token', async () => {
    const { refreshToken, user } = await newAccount()
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(refreshToken)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(new Set(answers.map(({ body }) => body.refreshToken)).size).toBe(1)
    const [session] = await sessionsOf(user.id)
    expect(session?.generation).toBe(1)
    expect((await refresh(answers[7]!.body.refreshToken)).status).toBe(200)
  })

  test('the previous refresh token returns the same successor during the grace period, with a valid access token', async () => {
    const { refreshToken } = await newAccount()
    const first = await refresh(refreshToken)
    t.clock.advance(10_000)
    const again = await refresh(refreshToken)
    expect(again.body.refreshToken).toBe(first.body.refreshToken)
    t.clock.advance(895_000)
    expect((await withToken(again.body.accessToken).get('/auth/me')).status).toBe(200)
  })

  test.each([
    ['the previous refresh token after the grace period', 1, 10_001],
    ['an older refresh token within the grace period', 2, 0],
  ])('reuse of %s ends the session', async (_, rotations, wait) => {
    const { refreshToken, user } = await newAccount()
    let current = refreshToken
    let access = ''
    for (let i = 0; i < rotations; i++) {
      const { body } = await refresh(current)
      current = body.refreshToken
      access = body.accessToken
    }
    t.clock.advance(wait)
    const reuse = await refresh(refreshToken)
    expectRefused(reuse)
    const [session] = await sessionsOf(user.id)
    expect(session?.revokedAt).toEqual(t.clock.now())
    const event = await t.db
      .selectFrom('auditOutbox')
      .selectAll()
      .where('requestId', '=', reuse.body.requestId)
      .executeTakeFirst()
    expect(event).toMatchObject({
      kind: 'auth.refresh',
      outcome: 'denied',
      actorId: user.id,
      targetId: session!.id,
      detail: { reuse: true },
    })
    expectRefused(await refresh(current))
    expect((await withToken(access).get('/auth/me')).status).toBe(401)
  })

  test('reuse of a refresh token ends only its own session', async () => {
    const { refreshToken, email } = await newAccount()
    const other = await signIn(email)
    await refresh(refreshToken)
    t.clock.advance(11_000)
    expectRefused(await refresh(refreshToken))
    expect((await refresh(other.body.refreshToken)).status).toBe(200)
  })

  test('refuses a forged refresh token, an access token and a future generation, and ends no session', async () => {
    const { refreshToken, accessToken, user } = await newAccount()
    const [session] = await sessionsOf(user.id)
    const { config } = t.deps
    const forger = { ...config, tokens: { ...config.tokens, refreshSecret: 'x'.repeat(32) } }
    const swapped = { ...config, tokens: { ...config.tokens, refreshSecret: config.tokens.accessSecret } }
    const forged = await Promise.all([
      signRefreshToken(forger, session!.id, 0, NOW),
      signRefreshToken(swapped, session!.id, 0, NOW),
      signRefreshToken(config, session!.id, 7, t.clock.now()),
      signRefreshToken(config, crypto.randomUUID(), 0, t.clock.now()),
    ])
    for (const token of [...forged, accessToken, 'not.a.token', `${refreshToken}x`]) expectRefused(await refresh(token))
    expect((await refresh(refreshToken)).status).toBe(200)
  })

  test('refuses an expired refresh token and does not treat it as reuse', async () => {
    const { refreshToken } = await newAccount()
    t.clock.advance(29 * 86_400_000)
    const { body } = await refresh(refreshToken)
    t.clock.advance(86_400_000)
    expectRefused(await refresh(refreshToken))
    expect((await refresh(body.refreshToken)).status).toBe(200)
  })

  test('refuses to refresh a session that was not used for 30 days', async () => {
    const idle = await newAccount()
    t.clock.advance(30 * 86_400_000 - 1000)
    const used = await refresh(idle.refreshToken)
    expect(used.status).toBe(200)
    t.clock.advance(30 * 86_400_000)
    expectRefused(await refresh(used.body.refreshToken))
  })

  test('refuses to refresh a session after 90 days, however often it was used', async () => {
    let { refreshToken } = await newAccount()
    for (let month = 1; month <= 3; month++) {
      t.clock.advance(29 * 86_400_000)
      refreshToken = (await refresh(refreshToken)).body.refreshToken
    }
    t.clock.advance(3 * 86_400_000 - 1000)
    refreshToken = (await refresh(refreshToken)).body.refreshToken
    t.clock.advance(1000)
    expectRefused(await refresh(refreshToken))
  })

  test('refreshing reads the current role and name, and refuses a disabled user', async () => {
    const { refreshToken, user, email } = await newAccount()
    await t.db.updateTable('users').set({ name: 'Ada King', role: 'admin' }).where('id', '=', user.id).execute()
    const { body } = await refresh(refreshToken)
    expect(body.user).toMatchObject({ name: 'Ada King', role: 'admin' })
    expect((await withToken(body.accessToken).get('/users')).status).toBe(200)
    await t.db.updateTable('users').set({ status: 'disabled' }).where('id', '=', user.id).execute()
    expectRefused(await refresh(body.refreshToken))
    expect((await signIn(email, PASSWORD)).status).toBe(401)
  })
})
