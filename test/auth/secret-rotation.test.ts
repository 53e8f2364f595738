import { expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { createAccounts } from './accounts'

const old = await createTestApp()
const CHANGED = {
  JWT_ACCESS_SECRET: 'new-access-0123456789abcdef0123456789',
  JWT_REFRESH_SECRET: 'new-refresh-0123456789abcdef0123456789',
}
const PREVIOUS = {
  JWT_ACCESS_SECRET_PREVIOUS: old.env.JWT_ACCESS_SECRET!,
  JWT_REFRESH_SECRET_PREVIOUS: old.env.JWT_REFRESH_SECRET!,
}
/** A copy with other settings on the same databases. */
const copy = (settings: Record<string, string>) => createTestApp({ ...old.env, ...settings })
const { newAccount, refresh } = createAccounts(old)

test('after a change of the token secrets, tokens of before stay valid while the previous secrets are set', async () => {
  const changed = createAccounts(await copy({ ...CHANGED, ...PREVIOUS }))
  const without = createAccounts(await copy(CHANGED))
  const { accessToken, refreshToken } = await newAccount()
  expect((await without.withToken(accessToken).get('/auth/me')).status).toBe(401)
  expect((await without.refresh(refreshToken)).status).toBe(401)
  expect((await changed.withToken(accessToken).get('/auth/me')).status).toBe(200)

  const next = await changed.refresh(refreshToken)
  expect(next.status).toBe(200)
  expect((await without.withToken(next.body.accessToken).get('/auth/me')).status).toBe(200)
  expect((await without.refresh(next.body.refreshToken)).status).toBe(200)
})

test('within the grace a refresh token returns a valid successor, whichever secret the copies sign with', async () => {
  const changed = createAccounts(await copy({ ...CHANGED, ...PREVIOUS }))
  const { refreshToken } = await newAccount()
  const first = (await refresh(refreshToken)).body
  const second = (await changed.refresh(refreshToken)).body
  expect(second.refreshToken).not.toBe(first.refreshToken)
  const last = await changed.refresh(first.refreshToken)
  expect(last.status).toBe(200)
  expect((await changed.refresh(second.refreshToken)).body.refreshToken).toBe(last.body.refreshToken)
  expect((await changed.refresh(last.body.refreshToken)).status).toBe(200)
})

test('a token of one kind is no token of the other kind, even under the previous secrets', async () => {
  const changed = createAccounts(await copy({ ...CHANGED, ...PREVIOUS }))
  const { accessToken, refreshToken } = await newAccount()
  expect((await changed.refresh(accessToken)).status).toBe(401)
  expect((await changed.withToken(refreshToken).get('/auth/me')).status).toBe(401)
})
