import { describe, expect, test } from 'bun:test'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { readConfig } from '../../src/config'
import { note, pairsOf } from '../records/pairs'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'

const t = await createTestApp()
const admin = await t.newAdmin()
const { doctor, patient } = await pairsOf(t, await t.newClinic())()

/** The same API with this PUBLIC_URL, and an admin and a doctor of it. */
function apiAt(PUBLIC_URL?: string) {
  const { publicUrl } = readConfig({ ...t.env, ...(PUBLIC_URL && { PUBLIC_URL }) })
  const app = createApp({ ...t.deps, config: { ...t.deps.config, publicUrl } })
  const send = async (request: Request) => app.fetch(request, { peerAddress: '127.0.0.1' })
  const clientOf = (actor: typeof admin) =>
    createClient(send, () => signAccessToken(t.deps.config, actor, t.clock.now()))
  return { app, admin: clientOf(admin), doctor: clientOf(doctor.actor) }
}

const newPatient = { name: 'Grace Murray', dateOfBirth: '1986-12-09' }

const serversOf = async ({ app }: ReturnType<typeof apiAt>, headers = {}) => {
  const answer = await app.fetch(new Request('http://127.0.0.1/openapi.json', { headers }))
  return ((await answer.json()) as { servers: unknown }).servers
}

describe('PUBLIC_URL', () => {
  test.each([
    ['https://clinic.example', '', 'https://clinic.example'],
    ['https://clinic.example/', '', 'https://clinic.example'],
    ['http://clinic.example:8080/api/v1/', '/api/v1', 'http://clinic.example:8080/api/v1'],
  ])('%s: Location begins with its path, and the API document names the whole address', async (url, path, server) => {
    const api = apiAt(url)
    const made = await api.admin.post('/patients', newPatient)
    expect(made.headers.get('location')).toBe(`${path}/patients/${made.body.id}`)
    expect(await serversOf(api)).toEqual([{ url: server }])
  })

  test('not set: Location begins at the root, and the API is where its document is', async () => {
    const api = apiAt()
    const made = await api.admin.post('/patients', newPatient)
    expect(made.headers.get('location')).toBe(`/patients/${made.body.id}`)
    expect(await serversOf(api)).toEqual([{ url: '.' }])
  })

  test.each([undefined, 'https://clinic.example/api'])(
    '%s: what a request says of its host changes nothing',
    async (url) => {
      const api = apiAt(url)
      const headers = {
        host: 'evil.example',
        forwarded: 'host=evil.example;proto=https',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        'x-forwarded-prefix': '/evil',
      }
      const made = await api.admin.call('POST', '/patients', newPatient, { headers })
      expect(made.headers.get('location')).toBe(`${url ? '/api' : ''}/patients/${made.body.id}`)
      expect(await serversOf(api, headers)).toEqual([{ url: url ?? '.' }])
    },
  )

  test.each([
    [
      'a mutation',
      (api: ReturnType<typeof apiAt>, options: object) => api.admin.call('POST', '/patients', newPatient, options),
    ],
    [
      'a clinical mutation',
      (api: ReturnType<typeof apiAt>, options: object) =>
        api.doctor.call('POST', `/patients/${patient.id}/records`, note('Visit'), options),
    ],
  ])('a replay of %s makes its Location anew, whatever it was at the first answer', async (_kind, send) => {
    const options = { headers: { 'idempotency-key': crypto.randomUUID() } }
    const path = (await send(apiAt(), options)).headers.get('location')!
    for (const [url, prefix] of [
      ['https://clinic.example/one', '/one'],
      ['https://clinic.example/two', '/two'],
      [undefined, ''],
    ] as const) {
      const again = await send(apiAt(url), options)
      expect(again.headers.get('idempotent-replayed')).toBe('true')
      expect(again.headers.get('location')).toBe(`${prefix}${path}`)
    }
  })

  test.each([
    'clinic.example',
    'ftp://clinic.example',
    'https://user@clinic.example',
    'https://clinic.example?x',
    'https://clinic.example/#x',
    'https://clinic.example//other',
    'https://clinic.example/a b',
    'https://',
  ])('%s is refused at start', (url) => {
    expect(() => apiAt(url)).toThrow('PUBLIC_URL must be an address')
  })
})
