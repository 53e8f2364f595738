import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { createTestApp } from '../support/app'
import { findProgram } from '../support/programs'
import { runFolder } from '../support/run-folder'
import { until } from '../support/until'

const haproxy = findProgram('haproxy', 'health checks of HAProxy')
const nginx = findProgram('nginx', 'HTTP/1.0 behind nginx')

const t = await createTestApp({ RATE_LIMIT: 'on' })
const folder = mkdtempSync(join(runFolder(), 'proxies-'))
const methods: string[] = []
const api = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: (request) => {
    methods.push(request.method)
    return t.app.fetch(request)
  },
})
const children: Bun.Subprocess[] = []
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await api.stop(true)
})

function freePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = probe
  probe.stop(true)
  return port
}

function start(command: string[]): void {
  children.push(Bun.spawn(command, { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] }))
}

const statusOf = (port: number, path: string) =>
  fetch(`http://127.0.0.1:${port}${path}`).then(
    ({ status }) => status,
    () => 0,
  )

describe.skipIf(!haproxy)('behind HAProxy', () => {
  test.each(['option httpchk', 'option httpchk GET /health/ready'])(
    'a backend that is checked with the plain `%s` stays up',
    async (check) => {
      const port = freePort()
      const file = join(folder, `haproxy-${port}.cfg`)
      writeFileSync(
        file,
        `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen api
  bind 127.0.0.1:${port}
  ${check}
  server one 127.0.0.1:${api.port} check inter 200ms fall 1 rise 1
`,
      )
      methods.length = 0
      start([haproxy!, '-db', '-f', file])
      await until(async () => (await statusOf(port, '/health/live')) === 200)
      const checked = check.includes('GET') ? 'GET' : 'OPTIONS'
      await until(async () => methods.filter((method) => method === checked).length > 3)
      expect(await statusOf(port, '/clinics')).toBe(200)
    },
    60_000,
  )
})

/** Starts nginx with this `location` block; returns its port. */
function startNginx(location: string, port = freePort()): number {
  const file = join(folder, `nginx-${port}.conf`)
  const temporary = join(folder, `temporary-${port}`)
  mkdirSync(temporary)
  writeFileSync(
    file,
    `daemon off;
pid ${folder}/nginx-${port}.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${temporary};
  proxy_temp_path ${temporary};
  fastcgi_temp_path ${temporary};
  uwsgi_temp_path ${temporary};
  scgi_temp_path ${temporary};
  server {
    listen 127.0.0.1:${port};
    ${location}
  }
}
`,
  )
  start([nginx!, '-c', file, '-p', folder])
  return port
}

describe.skipIf(!nginx)('behind nginx', () => {
  test('an upstream that is spoken to in HTTP/1.0, with no Host, answers like any other', async () => {
    const port = startNginx(`location / {
      proxy_http_version 1.0;
      proxy_set_header Host "";
      proxy_pass http://127.0.0.1:${api.port};
    }`)
    await until(async () => (await statusOf(port, '/health/live')) === 200)
    for (const path of ['/health/ready', '/clinics', '/openapi.json']) expect(await statusOf(port, path)).toBe(200)
    expect(await statusOf(port, '/nothing')).toBe(404)
    const answer = await fetch(`http://127.0.0.1:${port}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"email":"nobody@example.org","password":"x"}',
    })
    expect(answer.status).toBe(401)
  }, 60_000)

  test.each(['set', 'not set'])(
    'below a path that nginx takes away, the documentation, the API document and Location load, with PUBLIC_URL %s',
    async (setting) => {
      const port = freePort()
      const publicUrl = { href: `http://127.0.0.1:${port}/clinic/api`, path: '/clinic/api' }
      const config = { ...t.deps.config, publicUrl: setting === 'set' ? publicUrl : undefined }
      const app = createApp({ ...t.deps, config })
      await using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request) => app.fetch(request) })
      startNginx(
        `location /clinic/api/ {
      proxy_set_header Host $host;
      proxy_pass http://127.0.0.1:${server.port}/;
    }`,
        port,
      )
      await until(async () => (await statusOf(port, '/clinic/api/health/live')) === 200)

      for (const address of [`${publicUrl.href}/docs`, `${publicUrl.href}/docs/`]) {
        const page = await fetch(address)
        expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
        const files = [...(await page.text()).matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(([, file]) => file!)
        expect(files.length).toBe(4)
        for (const file of files) expect((await fetch(new URL(file, address))).status, file).toBe(200)
      }

      const documentUrl = `${publicUrl.href}/openapi.json`
      const { servers } = (await (await fetch(documentUrl)).json()) as { servers: [{ url: string }] }
      const base = new URL(servers[0].url, documentUrl).href.replace(/\/$/, '')
      expect(base).toBe(publicUrl.href)
      expect((await fetch(`${base}/clinics`)).status).toBe(200)

      const authorization = `Bearer ${await signAccessToken(t.deps.config, await t.newAdmin(), t.clock.now())}`
      const made = await fetch(`${base}/patients`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: '{"name":"Grace Murray","dateOfBirth":"1986-12-09"}',
      })
      const { id } = (await made.json()) as { id: string }
      const prefix = setting === 'set' ? publicUrl.path : ''
      expect(made.headers.get('location')).toBe(`${prefix}/patients/${id}`)
      if (setting !== 'set') return
      const read = await fetch(new URL(made.headers.get('location')!, made.url), { headers: { authorization } })
      expect(await read.json()).toMatchObject({ id })
    },
    60_000,
  )
})
