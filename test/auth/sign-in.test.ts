import { describe, expect, test } from 'bun:test'
import { hash, parseOptions, verify } from '@node-rs/bcrypt'
import { createFairLimiter } from '../../src/database/fair-limiter'
import { createTestApp, NOW } from '../support/app'
import { createAccounts, newEmail, PASSWORD } from './accounts'

const t = await createTestApp()
const { newAccount, signIn } = createAccounts(t)

const lastEvent = () =>
  t.db.selectFrom('auditOutbox').selectAll().orderBy('id', 'desc').limit(1).executeTakeFirstOrThrow()

describe('sign-in', () => {
  test('signing in starts a session, whatever the case of the email address', async () => {
    const { email, user } = await newAccount()
    const options = { headers: { 'user-agent': 'Test/1' } }
    const body = { email: email.toUpperCase(), password: PASSWORD }
    const answer = await t.anonymous.post('/auth/login', body, options)
    expect(answer).toMatchObject({ status: 200, body: { tokenType: 'Bearer', expiresIn: 900, user } })
    const session = await t.db
      .selectFrom('sessions')
      .selectAll()
      .where('userId', '=', user.id)
      .where('userAgent', '=', 'Test/1')
      .executeTakeFirst()
    expect(session).toMatchObject({
      generation: 0,
      createdAt: NOW,
      rotatedAt: NOW,
      revokedAt: null,
      ip: '127.0.0.1',
      expiresAt: new Date(NOW.getTime() + 90 * 86_400_000),
      idleExpiresAt: new Date(NOW.getTime() + 30 * 86_400_000),
    })
    expect(await lastEvent()).toMatchObject({ kind: 'auth.sign_in', outcome: 'success', actorId: user.id })
  })

  test('signing in fails alike for an unknown address, a wrong password and a disabled account, and each failure is audited', async () => {
    const known = await newAccount()
    const disabled = await newAccount()
    const admin = await t.newAdmin()
    await t.as(admin).patch(`/users/${disabled.user.id}`, { status: 'disabled' })
    const attempts = [
      [newEmail(), PASSWORD],
      [known.email, 'wrong horse battery'],
      [disabled.email, PASSWORD],
    ] as const
    const bodies = []
    for (const [email, password] of attempts) {
      const { status, body } = await signIn(email, password)
      expect(status).toBe(401)
      const { requestId, ...rest } = body
      bodies.push(rest)
      const event = await lastEvent()
      expect(event).toMatchObject({ kind: 'auth.sign_in', outcome: 'denied', requestId, actorId: null, targetId: null })
      expect(event.detail).toEqual({ emailDigest: expect.any(String) })
      expect(JSON.stringify(event)).not.toContain(email.split('@')[0]!)
    }
    expect(bodies[0]).toMatchObject({ code: 'invalid_credentials' })
    expect(bodies[1]).toEqual(bodies[0])
    expect(bodies[2]).toEqual(bodies[0])
  })

  test('signing in passes the password limiter once, whatever the outcome', async () => {
    const { passwordLimiter } = t.deps
    const { email } = await newAccount()
    let turns = 0
    t.deps.passwordLimiter = (key, task) => {
      turns++
      return passwordLimiter(key, task)
    }
    for (const [address, password] of [
      [email, PASSWORD],
      [email, 'wrong horse battery'],
      [newEmail(), PASSWORD],
    ] as const) {
      turns = 0
      await signIn(address, password)
      expect(turns).toBe(1)
    }
    t.deps.passwordLimiter = passwordLimiter
  })

  test('signing in renews a password hash of a lower cost, also when another sign-in does so meanwhile', async () => {
    const costly = await createTestApp({ BCRYPT_COST: '5' })
    const accounts = createAccounts(costly)
    const { email, user } = await accounts.newAccount()
    const peppered = new Bun.CryptoHasher('sha384', costly.env.PASSWORD_PEPPER!).update(PASSWORD).digest('base64')
    const store = async (cost: number) => {
      const passwordHash = await hash(peppered, { cost })
      await costly.db.updateTable('users').set({ passwordHash }).where('id', '=', user.id).execute()
    }
    const storedHash = () =>
      costly.db.selectFrom('users').select('passwordHash').where('id', '=', user.id).executeTakeFirst()

    await store(4)
    expect((await accounts.signIn(email)).status).toBe(200)
    expect((await storedHash())?.passwordHash).toStartWith('$2b$05$')
    expect((await accounts.signIn(email)).status).toBe(200)

    await store(4)
    const { passwordLimiter } = costly.deps
    let turns = 0
    costly.deps.passwordLimiter = async (key, task) => {
      const checked = await passwordLimiter(key, task)
      if (++turns === 1) await store(5)
      return checked
    }
    expect((await accounts.signIn(email)).status).toBe(200)
  })

  test('after the cost was changed, in either direction, a wrong sign-in does the same work for each address', async () => {
    const { email, user } = await newAccount()
    const { bcrypt } = t.deps
    let rounds = 0
    t.deps.bcrypt = {
      ...bcrypt,
      verify: (password, stored) => {
        rounds += 2 ** parseOptions(`${stored}`).cost
        return verify(password, stored)
      },
    }
    const { email: renewed } = await newAccount()
    for (const cost of [4, 7]) {
      const passwordHash = await hash('something else', { cost })
      await t.db.updateTable('users').set({ passwordHash }).where('id', '=', user.id).execute()
      for (const address of [email, renewed, newEmail()]) {
        rounds = 0
        expect((await signIn(address, 'wrong horse battery')).status).toBe(401)
        expect(rounds).toBe(2 ** cost)
      }
    }
    t.deps.bcrypt = bcrypt
    await t.db.updateTable('users').set({ passwordHash: 'none' }).where('id', '=', user.id).execute()
  })

  test('many concurrent sign-ins take turns, and the rest of the API still answers', async () => {
    const slow = await createTestApp({ BCRYPT_COST: '10' })
    const { passwordLimiter } = slow.deps
    let atWork = 0
    let most = 0
    let done = 0
    slow.deps.passwordLimiter = (key, task) =>
      passwordLimiter(key, async () => {
        most = Math.max(most, ++atWork)
        return task().finally(() => atWork--)
      })
    const storm = Array.from({ length: 12 }, () =>
      slow.anonymous.post('/auth/login', { email: newEmail(), password: PASSWORD }).then(() => done++),
    )
    expect((await slow.anonymous.get('/clinics')).status).toBe(200)
    expect(done).toBeLessThan(12)
    await Promise.all(storm)
    expect(most).toBe(Math.max(1, navigator.hardwareConcurrency - 1))
  })

  test('signing in answers 503 when the password limiter is full', async () => {
    const { passwordLimiter } = t.deps
    t.deps.passwordLimiter = createFairLimiter(1, 10_000, 0)
    const { promise, resolve } = Promise.withResolvers<void>()
    const busy = t.deps.passwordLimiter('bcrypt', () => promise)
    expect(await signIn(newEmail())).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    resolve()
    await busy
    expect((await signIn(newEmail())).status).toBe(401)
    t.deps.passwordLimiter = passwordLimiter
  })
})
