import { beforeEach, describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { openCheckpointKey } from '../../src/audit/checkpoint-key'
import { formatCheckpoint, parseCheckpoint, sealTrail } from '../../src/audit/checkpoints'
import { readTrail } from '../../src/audit/queries'
import { relayAuditEvents } from '../../src/audit/relay'
import { readConfig } from '../../src/config'
import { createTestApp } from '../support/app'
import { append, checkpointsOf, clearTrail, drain, expectWholeTrail, findingOf } from './trail'

const t = await createTestApp()
const relay = () => relayAuditEvents(t.deps)
const MINUTE = 60_000

beforeEach(() => clearTrail(t))

const relayed = async (count: number) => {
  await append(t, count)
  await drain(relay)
}

describe('checkpoints', () => {
  test('a checkpoint is made after the first events, then after every thousand', async () => {
    await relayed(3)
    expect(await checkpointsOf(t)).toEqual([3])
    await relayed(1_700)
    await relayed(301)
    expect(await checkpointsOf(t)).toEqual([3, 1_003, 2_003])
  })

  test('a checkpoint is made every hour, but only if there were new events', async () => {
    await relayed(1)
    t.clock.advance(59 * MINUTE)
    await relayed(1)
    expect(await sealTrail(t.deps)).toBe(0)
    t.clock.advance(MINUTE)
    expect(await sealTrail(t.deps)).toBe(1)
    t.clock.advance(300 * MINUTE)
    expect(await sealTrail(t.deps)).toBe(0)
    await relayed(1)
    expect(await checkpointsOf(t)).toEqual([1, 2, 3])
  })

  test('a checkpoint that a crashed relay did not make is made before any later event', async () => {
    const ids = await append(t, 1_600)
    await relay()
    await sql`create function refuse() returns trigger language plpgsql as $$ begin raise 'dead'; end $$`.execute(t.db)
    await sql`create trigger dead before insert on audit_checkpoints execute function refuse()`.execute(t.db)
    await relay()
    for (let i = 0; i < 3; i++) await expect(relay()).rejects.toThrow('dead')
    expect((await readTrail(t.db)).head.seq).toBe(1_500)
    await sql`drop function refuse cascade`.execute(t.db)
    await drain(relay)
    expect(await checkpointsOf(t)).toEqual([500, 1_500])
    await expectWholeTrail(t, ids)
  })

  test('copies that make checkpoints at the same moment make one per position', async () => {
    await relayed(5)
    t.clock.advance(60 * MINUTE)
    await relayed(5)
    t.clock.advance(60 * MINUTE)
    await append(t, 1)
    await Promise.all([relay(), relay(), sealTrail(t.deps), sealTrail(t.deps)])
    await drain(relay)
    expect(await checkpointsOf(t)).toEqual([5, 10, 11])
  })

  test('a checkpoint can be written as a line of text and read back', async () => {
    await relayed(5)
    const [checkpoint] = (await readTrail(t.db)).checkpoints
    const line = formatCheckpoint(checkpoint!)
    expect(line).toStartWith(`5 ${checkpoint!.createdAt.toISOString()} ${checkpoint!.hash} `)
    expect(parseCheckpoint(line)).toEqual(checkpoint)
    for (const spoilt of ['', line.slice(1), line.slice(0, -1), `x${line}`, `${line}x`, line.toUpperCase()])
      expect(parseCheckpoint(spoilt)).toBeUndefined()
  })
})

describe('checkpoint keys', () => {
  const keyOf = (signingKey: string, former = '') =>
    openCheckpointKey(readConfig({ ...t.env, AUDIT_SIGNING_KEY: signingKey, AUDIT_FORMER_PUBLIC_KEYS: former }).audit)
  const unsigned = { seq: 7, hash: 'a'.repeat(64), createdAt: new Date('2026-01-05T12:00:00.123Z') }

  test('the same AUDIT_SIGNING_KEY makes the same checkpoint key, and another one makes another', async () => {
    const [one, again, other] = await Promise.all(['x', 'x', 'y'].map((letter) => keyOf(letter.repeat(40))))
    expect(one!.publicKey).toBe(again!.publicKey)
    expect(one!.publicKey).not.toBe(other!.publicKey)
    const checkpoint = await one!.sign(unsigned)
    expect(await again!.sign(unsigned)).toEqual(checkpoint)
    expect(await again!.isGenuine(checkpoint)).toBe(true)
    expect(await other!.isGenuine(checkpoint)).toBe(false)
  })

  test('a checkpoint key is derived by HKDF, and any Ed25519 library can verify its signatures', async () => {
    const { publicKey, sign } = await keyOf('0123456789abcdef0123456789abcdef')
    const { signature } = await sign(unsigned)
    const { createPublicKey, createPrivateKey, hkdfSync, verify } = await import('node:crypto')
    const seed = hkdfSync('sha256', '0123456789abcdef0123456789abcdef', '', 'audit checkpoints v1', 32)
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed)])
    const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
    expect(key.export({ format: 'jwk' }).x).toBe(publicKey)
    const text = `audit checkpoint 7 2026-01-05T12:00:00.123Z ${'a'.repeat(64)}`
    expect(verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'))).toBe(true)
  })

  test('the signature of a checkpoint covers position, hash and time', async () => {
    const key = await keyOf('x'.repeat(40))
    const checkpoint = await key.sign(unsigned)
    for (const change of [{ seq: 8 }, { hash: 'b'.repeat(64) }, { createdAt: new Date(0) }, { signature: 'é' }])
      expect(await key.isGenuine({ ...checkpoint, ...change })).toBe(false)
  })

  test('checkpoints of a former key stay valid while its public key is configured', async () => {
    await relayed(5)
    const before = await openCheckpointKey(t.deps.config.audit)
    const changed = (former: string) => {
      const env = { ...t.env, AUDIT_SIGNING_KEY: 'z'.repeat(40), AUDIT_FORMER_PUBLIC_KEYS: former }
      return { ...t, deps: { ...t.deps, config: readConfig(env) } }
    }
    expect(await findingOf(changed(''))).toEqual([5, 'the checkpoint of event 5 has no valid signature'])
    expect(await findingOf(changed(before.publicKey))).toBeUndefined()
  })
})
