import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'
import { until } from '../support/until'
import { createAccounts, newEmail, PASSWORD, patientBody } from './accounts'

const t = await createTestApp()
const { newAccount, withToken } = createAccounts(t)

/** The callers that asked for a turn at passwords, how many turns had begun before they asked, and the begun turns. */
type Turns = { asked: string[]; before: Record<string, number>; begun: string[] }

async function watchTurns(requests: (turns: Turns) => Promise<unknown>) {
  const { passwordLimiter } = t.deps
  const turns: Turns = { asked: [], before: {}, begun: [] }
  t.deps.passwordLimiter = (caller, task) => {
    turns.asked.push(caller)
    turns.before[caller] = turns.begun.length
    return passwordLimiter(caller, () => {
      turns.begun.push(caller)
      return task()
    })
  }
  await requests(turns)
  t.deps.passwordLimiter = passwordLimiter
  return turns
}

const at = (peerAddress: string, token?: string) =>
  createClient(
    async (request) => t.app.fetch(request, { peerAddress }),
    token === undefined ? undefined : async () => token,
  )

describe('turns at passwords', () => {
  test('sign-in, registration and a change of the password take turns by the network of the caller', async () => {
    const { accessToken, email } = await newAccount()
    expect((await withToken(accessToken).get('/auth/me')).status).toBe(200)
    const change = { currentPassword: PASSWORD, newPassword: 'a nicer horse, a new battery' }
    const { asked } = await watchTurns(async () => {
      await at('192.0.2.1').post('/auth/login', { email: newEmail(), password: PASSWORD })
      await at('2001:db8:1:2:3::4').post('/auth/register', patientBody())
      expect((await at('::ffff:192.0.2.2', accessToken).put('/auth/password', change)).status).toBe(204)
      await at('192.0.2.3').post('/auth/login', { email, password: PASSWORD })
    })
    expect(asked).toEqual(['192.0.2.1', '2001:db8:1:2::', '192.0.2.2', '192.0.2.2', '192.0.2.3'])
  })

  test('in a storm of wrong sign-ins from three addresses, a sign-in from a fourth one waits for two of them at most', async () => {
    const { email } = await newAccount()
    const own = '198.51.100.9'
    await watchTurns(async ({ before, begun }) => {
      const storm = Array.from({ length: 90 }, (_, i) =>
        at(`192.0.2.${i % 3}`).post('/auth/login', { email: newEmail(), password: PASSWORD }),
      )
      await until(() => begun.length >= 5)
      expect((await at(own).post('/auth/login', { email, password: PASSWORD })).status).toBe(200)
      expect(begun.indexOf(own) - before[own]!).toBeLessThanOrEqual(1)
      await Promise.all(storm)
    })
  })
})
