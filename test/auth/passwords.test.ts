import { describe, expect, test } from 'bun:test'
import { hash } from '@node-rs/bcrypt'
import {
  emailDigest,
  type HashedPassword,
  hashPassword,
  isOutdated,
  verifyPassword,
} from '../../src/auth/passwords/hashing'
import { readConfig } from '../../src/config'
import { createLimiter } from '../../src/database/limiter'
import { TEST_ENVIRONMENT } from '../support/environment'

const STANDS = { POSTGRESQL_HOST: 'x', POSTGRESQL_USER: 'x', POSTGRESQL_DATABASE: 'x', MONGODB_URI: 'mongodb://x' }
const ctxWith = (environment: Record<string, string> = {}) => ({
  config: readConfig({ ...TEST_ENVIRONMENT, ...STANDS, ...environment }),
  passwordLimiter: createLimiter(1, 10_000),
})
const ctx = ctxWith()

describe('password hashes', () => {
  test('a password hash is bcrypt over the base64 of HMAC-SHA-384 under the pepper, with the pepper version', async () => {
    const { passwordHash, pepperVersion } = await hashPassword(ctx, 'correct horse')
    expect(passwordHash).toStartWith('$2b$04$')
    expect(pepperVersion).toBe(1)
    const peppered = new Bun.CryptoHasher('sha384', TEST_ENVIRONMENT.PASSWORD_PEPPER)
      .update('correct horse')
      .digest('base64')
    const salt = passwordHash.slice(0, 29)
    expect(passwordHash).toBe(await hash(peppered, { salt }))
  })

  test('a password hash verifies exactly its password, in any Unicode form', async () => {
    const stored = await hashPassword(ctx, 'Ångström unit one')
    expect(await verifyPassword(ctx, 'Ångström unit one'.normalize('NFD'), stored)).toBe(true)
    expect(await verifyPassword(ctx, 'ångström unit one', stored)).toBe(false)
  })

  test('passwords that differ only after the 72 bytes that bcrypt reads have different hashes', async () => {
    const stored = await hashPassword(ctx, `${'x'.repeat(100)}1`)
    expect(await verifyPassword(ctx, `${'x'.repeat(100)}2`, stored)).toBe(false)
  })

  test('a password hash does not verify under another pepper', async () => {
    const stored = await hashPassword(ctx, 'correct horse')
    const other = ctxWith({ PASSWORD_PEPPER: 'another-pepper-0123456789abcdef0123' })
    expect(await verifyPassword(other, 'correct horse', stored)).toBe(false)
  })

  test('a password hash stays valid for one change of the pepper, and is outdated then', async () => {
    const old = await hashPassword(ctx, 'correct horse')
    const change = { PASSWORD_PEPPER: 'another-pepper-0123456789abcdef0123', PASSWORD_PEPPER_VERSION: '2' }
    const changed = ctxWith({ ...change, PASSWORD_PEPPER_PREVIOUS: TEST_ENVIRONMENT.PASSWORD_PEPPER })
    expect(await verifyPassword(changed, 'correct horse', old)).toBe(true)
    expect(await verifyPassword(changed, 'wrong horse', old)).toBe(false)
    expect(isOutdated(changed, old)).toBe(true)
    const renewed = await hashPassword(changed, 'correct horse')
    expect(renewed.pepperVersion).toBe(2)
    expect(isOutdated(changed, renewed)).toBe(false)
    expect(await verifyPassword(ctxWith(change), 'correct horse', renewed)).toBe(true)
    expect(await verifyPassword(ctxWith(change), 'correct horse', old)).toBe(false)
    const again = { PASSWORD_PEPPER_VERSION: '3', PASSWORD_PEPPER_PREVIOUS: change.PASSWORD_PEPPER }
    expect(await verifyPassword(ctxWith(again), 'correct horse', renewed)).toBe(true)
    expect(await verifyPassword(ctxWith(again), 'correct horse', old)).toBe(false)
  })

  test('a password hash of a lower cost is outdated', async () => {
    const stored = await hashPassword(ctx, 'correct horse')
    expect(isOutdated(ctx, stored)).toBe(false)
    expect(isOutdated(ctxWith({ BCRYPT_COST: '5' }), stored)).toBe(true)
    expect(isOutdated(ctx, await hashPassword(ctxWith({ BCRYPT_COST: '5' }), 'correct horse'))).toBe(false)
  })

  test('verifying a password takes the same work if there is no hash to compare with', async () => {
    const slow = ctxWith({ BCRYPT_COST: '10' })
    const stored = await hashPassword(slow, 'correct horse')
    const work = async (stored: HashedPassword | undefined) => {
      const before = process.cpuUsage()
      expect(await verifyPassword(slow, 'wrong horse', stored)).toBe(false)
      return process.cpuUsage(before).user
    }
    // Other threads of this process can only add to the measured time, so the minimum counts.
    const known = Math.min(await work(stored), await work(stored), await work(stored))
    const useless = [undefined, { ...stored, passwordHash: 'none' }, { ...stored, pepperVersion: 9 }]
    for (const other of useless) expect(await work(other)).toBeGreaterThan(known / 2)
  })

  test('the digest of an email address ignores case and depends on the pepper', async () => {
    expect(await emailDigest(ctx, 'Ada@Example.org')).toBe(await emailDigest(ctx, 'ada@example.org'))
    const other = ctxWith({ PASSWORD_PEPPER: 'another-pepper-0123456789abcdef0123' })
    expect(await emailDigest(other, 'ada@example.org')).not.toBe(await emailDigest(ctx, 'ada@example.org'))
  })
})
