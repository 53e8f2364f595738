import { describe, expect, test } from 'bun:test'
import { hash, parseOptions, verify } from '@node-rs/bcrypt'
import { checkPassword, hashPassword, isOutdated, verifyPassword } from '../../src/auth/passwords/hashing'
import { emailDigest } from '../../src/auth/passwords/pepper'
import { readConfig } from '../../src/config'
import { createLimiter } from '../../src/database/limiter'
import { TEST_ENVIRONMENT } from '../support/environment'

const STANDS = { POSTGRESQL_HOST: 'x', POSTGRESQL_USER: 'x', POSTGRESQL_DATABASE: 'x', MONGODB_URI: 'mongodb://x' }
const ctxWith = (environment: Record<string, string> = {}) => ({
  config: readConfig({ ...TEST_ENVIRONMENT, ...STANDS, ...environment }),
  passwordLimiter: createLimiter(1, 10_000),
  bcrypt: { hash, verify },
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

  test('a password hash of another cost is outdated', async () => {
    const stored = await hashPassword(ctx, 'correct horse')
    expect(isOutdated(ctx, stored)).toBe(false)
    expect(isOutdated(ctxWith({ BCRYPT_COST: '5' }), stored)).toBe(true)
    expect(isOutdated(ctx, await hashPassword(ctxWith({ BCRYPT_COST: '5' }), 'correct horse'))).toBe(true)
  })

  test.each([4, 5, 6, 7, 8])(
    'a wrong password costs the same work at whatever cost is stored, and without a hash (highest cost %d)',
    async (highestCost) => {
      const counting = ctxWith({ BCRYPT_COST: '6' })
      let rounds = 0
      counting.bcrypt = {
        ...counting.bcrypt,
        verify: (password, stored) => {
          rounds += 2 ** parseOptions(`${stored}`).cost
          return verify(password, stored)
        },
      }
      const stored = await Promise.all(
        ['4', '5', '6', '7', '8']
          .filter((cost) => Number(cost) <= Math.max(6, highestCost))
          .map((cost) => hashPassword(ctxWith({ BCRYPT_COST: cost }), 'correct horse')),
      )
      const useless = [undefined, { ...stored[0]!, passwordHash: 'none' }, { ...stored[0]!, pepperVersion: 9 }]
      for (const compared of [...stored, ...useless]) {
        rounds = 0
        expect(await checkPassword(counting, 'wrong horse', compared, highestCost)).toEqual({ right: false })
        expect(rounds).toBe(2 ** Math.max(6, highestCost))
      }
    },
  )

  test('the digest of an email address ignores case and depends on the pepper', async () => {
    expect(await emailDigest(ctx, 'Ada@Example.org')).toBe(await emailDigest(ctx, 'ada@example.org'))
    const other = ctxWith({ PASSWORD_PEPPER: 'another-pepper-0123456789abcdef0123' })
    expect(await emailDigest(other, 'ada@example.org')).not.toBe(await emailDigest(ctx, 'ada@example.org'))
  })
})
