import { describe, expect, test } from 'bun:test'
import { newEmail, PASSWORD, patientBody } from '../auth/accounts'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'

const t = await createTestApp({ RATE_LIMIT: 'on', DEMO_DATA: 'on' })

let networks = 0
const newAddress = () => `2001:db8:0:${(++networks).toString(16)}::1`
const at = (peerAddress: string) => createClient(async (request) => t.app.fetch(request, { peerAddress }))
const signIn = async (address: string, email: string, password = PASSWORD) =>
  (await at(address).post('/auth/login', { email, password })).status

/** An account whose owner signed in from `home` when registering. */
async function newAccount(home = newAddress()) {
  const body = patientBody()
  expect((await at(home).post('/auth/register', body)).status).toBe(201)
  return { email: body.email, home }
}

/** Wrong sign-ins, at most nine from each address. */
async function fail(email: string, count: number): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < count; i++)
    statuses.push(await signIn(i % 9 === 0 ? newAddress() : lastAddress(), email, 'not the right one'))
  return statuses
}
const lastAddress = () => `2001:db8:0:${networks.toString(16)}::1`

describe('limits of sign-ins to one account', () => {
  test('right sign-ins do not count, so that an owner can sign in more often than ten times a minute', async () => {
    const { email, home } = await newAccount()
    for (let i = 0; i < 12; i++) expect(await signIn(home, email)).toBe(200)
    for (let i = 0; i < 9; i++) expect(await signIn(home, email, 'not the right one')).toBe(401)
    for (let i = 0; i < 3; i++) expect(await signIn(home, email)).toBe(200)
    expect(await signIn(home, email, 'not the right one')).toBe(401)
    expect(await signIn(home, email, 'not the right one')).toBe(429)
  })

  test('ten wrong sign-ins from one address do not lock the owner out at another', async () => {
    const { email } = await newAccount()
    const stranger = newAddress()
    for (let i = 0; i < 10; i++) expect(await signIn(stranger, email, 'not the right one')).toBe(401)
    expect(await signIn(stranger, email)).toBe(429)
    expect(await signIn(newAddress(), email)).toBe(200)
  })

  test('limits failures from all addresses to one hundred an hour, but not in networks of an earlier sign-in', async () => {
    const { email, home } = await newAccount()
    expect(await fail(email, 100)).toEqual(Array(100).fill(401))
    expect(await signIn(newAddress(), email, 'not the right one')).toBe(429)
    expect(await signIn(newAddress(), email)).toBe(429)
    expect(await signIn(home.replace('::1', ':aaaa::2'), email)).toBe(200)
    expect(await signIn(home, email, 'not the right one')).toBe(401)
  })

  test('a network is known by an earlier sign-in for 90 days, to its own account only', async () => {
    const known = await newAccount()
    const other = await newAccount(known.home)
    const { id } = await t.db
      .selectFrom('users')
      .select('id')
      .where('email', '=', other.email)
      .executeTakeFirstOrThrow()
    await fail(other.email, 100)
    const began = async (days: number) => {
      const createdAt = new Date(t.clock.now().getTime() - days * 86_400_000)
      await t.db.updateTable('sessions').set({ createdAt, revokedAt: createdAt }).where('userId', '=', id).execute()
    }
    await began(91)
    expect(await signIn(known.home, other.email)).toBe(429)
    await began(89)
    expect(await signIn(known.home, other.email)).toBe(200)
  })

  test('accounts that do not exist have the same limits', async () => {
    const email = newEmail()
    expect(await fail(email, 100)).toEqual(Array(100).fill(401))
    expect(await signIn(newAddress(), email)).toBe(429)
  })
})
