import { describe, expect, test } from 'bun:test'
import { deleteDeadSessions } from '../../src/auth/sessions/service'
import { deleteOldKeys } from '../../src/http/idempotency/store'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const HOUR = 3_600_000
const DAY = 24 * HOUR
const ago = (ms: number) => new Date(NOW.getTime() - ms)

describe('old idempotency keys', () => {
  test('idempotency keys are kept for 24 hours, then deleted in limited batches, oldest first', async () => {
    const { userId } = await t.newAdmin()
    const ages = [23 * HOUR, 24 * HOUR, 24 * HOUR + 1, 48 * HOUR, 72 * HOUR]
    const keys = ages.map((age, i) => ({
      id: Buffer.from([i]),
      userId,
      fingerprint: Buffer.from([0]),
      status: 201,
      body: '{}',
      createdAt: ago(age),
    }))
    await t.db.insertInto('idempotencyKeys').values(keys).execute()
    const left = async () =>
      (await t.db.selectFrom('idempotencyKeys').select('id').orderBy('id').execute()).map(({ id }) => id[0])
    expect(await deleteOldKeys(t.db, NOW, 2)).toBe(2)
    expect(await left()).toEqual([0, 1, 2])
    expect(await deleteOldKeys(t.db, NOW, 2)).toBe(1)
    expect(await deleteOldKeys(t.db, NOW, 2)).toBe(0)
    expect(await left()).toEqual([0, 1])
  })
})

describe('dead sessions', () => {
  test('sessions are deleted 30 days after they ended or expired and 90 days after they began, and active ones stay', async () => {
    const { userId, sessionId: living } = await t.newAdmin()
    const add = async (values: { createdAt?: Date; expiresAt?: Date; idleExpiresAt?: Date; revokedAt?: Date }) => {
      const id = crypto.randomUUID()
      const later = ago(-DAY)
      const session = {
        id,
        userId,
        rotatedAt: NOW,
        createdAt: ago(91 * DAY),
        lastUsedAt: NOW,
        expiresAt: later,
        idleExpiresAt: later,
      }
      await t.db
        .insertInto('sessions')
        .values({ ...session, ...values })
        .execute()
      return id
    }
    const kept = [
      living,
      await add({}),
      await add({ revokedAt: ago(29 * DAY) }),
      await add({ expiresAt: ago(29 * DAY) }),
      await add({ createdAt: ago(89 * DAY), revokedAt: ago(31 * DAY) }),
    ]
    await add({ revokedAt: ago(31 * DAY) })
    await add({ expiresAt: ago(31 * DAY) })
    await add({ idleExpiresAt: ago(31 * DAY) })
    expect(await deleteDeadSessions(t.db, NOW, 100)).toBe(3)
    const left = await t.db.selectFrom('sessions').select('id').where('userId', '=', userId).execute()
    expect(left.map(({ id }) => id).sort()).toEqual(kept.sort())
  })
})
