import { describe, expect, test } from 'bun:test'
import { createRevocations } from '../../src/auth/sessions/revocations'
import { endSessions } from '../../src/auth/sessions/service'
import { inTransaction } from '../../src/database/transaction'
import { createTestApp } from '../support/app'
import { until } from '../support/until'
import { createAccounts, openCopy, PASSWORD } from './accounts'

const t = await createTestApp()
const { newAccount, withToken, signIn } = createAccounts(t)
const copy = openCopy(t)
const admin = await t.newAdmin()

type Account = Awaited<ReturnType<typeof newAccount>>

const sessionOf = async ({ user }: Account) => {
  const { id } = await t.db.selectFrom('sessions').select('id').where('userId', '=', user.id).executeTakeFirstOrThrow()
  return id
}

/** Counts the connections that `run` takes from the pool. */
async function connectionsTaken({ deps }: { deps: typeof t.deps }, run: () => Promise<unknown>) {
  let taken = 0
  const count = () => taken++
  deps.postgres.pool.on('acquire', count)
  await run()
  deps.postgres.pool.off('acquire', count)
  return taken
}

/** Waits until the copy authenticates a signed-in user without a query. */
async function untilCurrent(of: { deps: typeof t.deps }) {
  const { accessToken } = await newAccount()
  await until(async () => (await connectionsTaken(of, () => of.deps.authenticate(accessToken))) === 0)
}

const isRefused = (of: { deps: typeof t.deps }, token: string) =>
  of.deps.authenticate(token).then(
    () => false,
    (error) => error.code === 'unauthenticated',
  )

/** Ends a session without a notification, as an operator's statement would. */
const endSilently = (id: string) =>
  t.db.updateTable('sessions').set({ revokedAt: t.clock.now() }).where('id', '=', id).execute()

describe('revocation of sessions', () => {
  const ways: [way: string, end: (account: Account) => Promise<{ status: number }>, status: number][] = [
    ['signing out', ({ accessToken }) => withToken(accessToken).post('/auth/logout'), 204],
    ['deleting it', async (a) => withToken(a.accessToken).delete(`/auth/sessions/${await sessionOf(a)}`), 204],
    ['disabling the user', ({ user }) => t.as(admin).patch(`/users/${user.id}`, { status: 'disabled' }), 200],
    [
      'a password change in another session',
      async ({ email }) => {
        const { body } = await signIn(email)
        const change = { currentPassword: PASSWORD, newPassword: 'another horse battery' }
        return withToken(body.accessToken).put('/auth/password', change)
      },
      204,
    ],
  ]
  test.each(ways)(
    'a session that is ended by %s is refused at once by the same copy and within a second by another',
    async (_, end, status) => {
      const account = await newAccount()
      await untilCurrent(copy)
      expect(await isRefused(copy, account.accessToken)).toBe(false)
      expect((await end(account)).status).toBe(status)
      expect(await isRefused(t, account.accessToken)).toBe(true)
      await until(() => isRefused(copy, account.accessToken), 1000)
      const answer = await copy.withToken(account.accessToken).get('/auth/me')
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    },
  )

  test('a session is checked without a query while the notification channel is up', async () => {
    const { accessToken } = await newAccount()
    await untilCurrent(copy)
    const ask = async () => {
      for (let i = 0; i < 20; i++) await copy.deps.authenticate(accessToken)
    }
    expect(await connectionsTaken(copy, ask)).toBe(0)
  })

  test('a session is checked by a query while the notification channel is down', async () => {
    const account = await newAccount()
    const id = await sessionOf(account)
    const { config, db, clock, log } = t.deps
    const unreachable = { ...config, postgres: { ...config.postgres, host: '127.0.0.1', port: 1 } }
    const revocations = createRevocations({ config: unreachable, db, clock, log })
    expect(await revocations.hasEnded(id)).toBe(false)
    await endSilently(id)
    expect(await revocations.hasEnded(id)).toBe(true)
    await revocations.stop()
  })

  test('a session that ended while the notification channel was down is refused once it is back', async () => {
    const account = await newAccount()
    const id = await sessionOf(account)
    await untilCurrent(copy)
    await endSilently(id)
    expect(await isRefused(copy, account.accessToken)).toBe(false)
    await t.deps.postgres.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'clinic-api channel' and datname = current_database()`,
    )
    await until(() => isRefused(copy, account.accessToken), 1000)
    await untilCurrent(copy)
    expect(await connectionsTaken(copy, () => isRefused(copy, account.accessToken))).toBe(0)
    expect(await isRefused(copy, account.accessToken)).toBe(true)
  })

  test('a session that is ended in a rolled-back transaction stays valid', async () => {
    const account = await newAccount()
    await untilCurrent(t)
    const ctx = { ...t.deps, now: t.clock.now() }
    const undone = inTransaction(ctx, async (ctx) => {
      expect(await endSessions(ctx, { userId: account.user.id })).toHaveLength(1)
      throw new Error('undo')
    })
    await expect(undone).rejects.toThrow('undo')
    expect((await withToken(account.accessToken).get('/auth/me')).status).toBe(200)
  })

  test('an ended session is dropped from memory once none of its access tokens can be valid', async () => {
    const old = await newAccount()
    const oldId = await sessionOf(old)
    await untilCurrent(t)
    await withToken(old.accessToken).post('/auth/logout')
    await until(async () => (await connectionsTaken(t, () => t.deps.revocations.hasEnded(oldId))) === 0, 1000)
    expect(await t.deps.revocations.hasEnded(oldId)).toBe(true)

    t.clock.advance(17 * 60_000)
    const recent = await newAccount()
    const recentId = await sessionOf(recent)
    await withToken(recent.accessToken).post('/auth/logout')
    await until(async () => (await connectionsTaken(t, () => t.deps.revocations.hasEnded(recentId))) === 0, 1000)
    expect(await t.deps.revocations.hasEnded(recentId)).toBe(true)
    expect(await t.deps.revocations.hasEnded(oldId)).toBe(false)
  })
})
