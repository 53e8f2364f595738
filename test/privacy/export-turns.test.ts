import { describe, expect, test } from 'bun:test'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { note, pairsOf } from '../records/pairs'
import { createTestApp } from '../support/app'

const t = await createTestApp({ MONGODB_POOL_SIZE: '8' })
const { patient, asDoctor } = await pairsOf(t, await t.newClinic())()
for (let i = 0; i < 45; i++) await asDoctor.post(`/patients/${patient.id}/records`, note(`Note ${i}`))
const authorization = `Bearer ${await signAccessToken(t.deps.config, patient.actor, t.clock.now())}`

const open = async (method = 'GET') =>
  t.app.fetch(new Request(`http://localhost/patients/${patient.id}/export`, { method, headers: { authorization } }), {
    peerAddress: '127.0.0.1',
  })
const recordsOf = async (answer: Response) => ((await answer.json()) as { records: unknown[] }).records.length

describe('exports take turns', () => {
  test('ten exports at once use at most a quarter of the MongoDB pool', async () => {
    let inUse = 0
    let most = 0
    const taken = () => {
      most = Math.max(most, ++inUse)
    }
    const returned = () => void inUse--
    const { client } = t.deps.mongo
    client.on('connectionCheckedOut', taken).on('connectionCheckedIn', returned)
    const counts = await Promise.all(Array.from({ length: 10 }, async () => recordsOf(await open())))
    client.off('connectionCheckedOut', taken).off('connectionCheckedIn', returned)
    expect(counts).toEqual(Array(10).fill(45))
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(2)
  })

  test('exports that are not read, cut off or asked for with HEAD keep no turn', async () => {
    const unread = await Promise.all(Array.from({ length: 4 }, () => open()))
    for (let i = 0; i < 4; i++) {
      expect((await open('HEAD')).status).toBe(200)
      const reader = (await open()).body!.getReader()
      await reader.read()
      await reader.cancel()
      await (await open()).body!.cancel()
    }
    expect(await recordsOf(await open())).toBe(45)
    expect(await recordsOf(unread[0]!)).toBe(45)
  })
})
