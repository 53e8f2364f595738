import { describe, expect, test } from 'bun:test'
import { hash } from '@node-rs/bcrypt'
import { emailDigest, hashPassword, isOutdated, verifyPassword } from '../../src/auth/passwords'
import { readConfig } from '../../src/config'
import { createLane } from '../../src/database/lane'
import { TEST_ENVIRONMENT } from '../support/environment'

const STANDS = { POSTGRESQL_HOST: 'x', POSTGRESQL_USER: 'x', POSTGRESQL_DATABASE: 'x', MONGODB_URI: 'mongodb://x' }
const ctxWith = (environment: Record<string, string> = {}) => ({
  config: readConfig({ ...TEST_ENVIRONMENT, ...STANDS, ...environment }),
  passwordLane: createLane(1, 10_000),
})
const ctx = ctxWith()

describe('password hashes', () => {
  test('are bcrypt over the base64 of HMAC-SHA-384 under the pepper, with the pepper version beside', async () => {
    const { passwordHash, pepperVersion } = await hashPassword(ctx, 'correct horse')
    expect(passwordHash).toStartWith('$2b$04$')
    expect(pepperVersion).toBe(1)
    const peppered = new Bun.CryptoHasher('sha384', TEST_ENVIRONMENT.PASSWORD_PEPPER)
      .update('correct horse')
      .digest('base64')
    const salt = passwordHash.slice(0, 29)
    expect(passwordHash).toBe(await hash(peppered, { salt }))
  })

  test('verify the very password, in any Unicode form of it', async () => {
    const { passwordHash } = await hashPassword(ctx, 'Ångström unit one')
    expect(await verifyPassword(ctx, 'Ångström unit one'.normalize('NFD'), passwordHash)).toBe(true)
    expect(await verifyPassword(ctx, 'ångström unit one', passwordHash)).toBe(false)
  })

  test('tell passwords apart past the 72 bytes that bcrypt reads', async () => {
    const { passwordHash } = await hashPassword(ctx, `${'x'.repeat(100)}1`)
    expect(await verifyPassword(ctx, `${'x'.repeat(100)}2`, passwordHash)).toBe(false)
  })

  test('are worth nothing without the pepper', async () => {
    const { passwordHash } = await hashPassword(ctx, 'correct horse')
    const other = ctxWith({ PASSWORD_PEPPER: 'another-pepper-0123456789abcdef0123' })
    expect(await verifyPassword(other, 'correct horse', passwordHash)).toBe(false)
  })

  test('of a lower cost are outdated', async () => {
    const { passwordHash } = await hashPassword(ctx, 'correct horse')
    expect(isOutdated(ctx, passwordHash)).toBe(false)
    expect(isOutdated(ctxWith({ BCRYPT_COST: '5' }), passwordHash)).toBe(true)
    expect(isOutdated(ctx, (await hashPassword(ctxWith({ BCRYPT_COST: '5' }), 'correct horse')).passwordHash)).toBe(
      false,
    )
  })

  test('cost the same work when there is none to compare with', async () => {
    const slow = ctxWith({ BCRYPT_COST: '10' })
    const { passwordHash } = await hashPassword(slow, 'correct horse')
    const work = async (stored: string | undefined) => {
      const before = process.cpuUsage()
      expect(await verifyPassword(slow, 'wrong horse', stored)).toBe(false)
      return process.cpuUsage(before).user
    }
    const known = await work(passwordHash)
    for (const stored of [undefined, 'none']) expect(await work(stored)).toBeGreaterThan(known / 2)
  })

  test('an address is digested without regard to case, under the pepper', async () => {
    expect(await emailDigest(ctx, 'Ada@Example.org')).toBe(await emailDigest(ctx, 'ada@example.org'))
    const other = ctxWith({ PASSWORD_PEPPER: 'another-pepper-0123456789abcdef0123' })
    expect(await emailDigest(other, 'ada@example.org')).not.toBe(await emailDigest(ctx, 'ada@example.org'))
  })
})
