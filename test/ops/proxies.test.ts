import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

describe.skipIf(!nginx)('behind nginx', () => {
  test('an upstream that is spoken to in HTTP/1.0, with no Host, answers like any other', async () => {
    const port = freePort()
    const file = join(folder, 'nginx.conf')
    mkdirSync(join(folder, 'temporary'))
    writeFileSync(
      file,
      `daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/temporary;
  proxy_temp_path ${folder}/temporary;
  fastcgi_temp_path ${folder}/temporary;
  uwsgi_temp_path ${folder}/temporary;
  scgi_temp_path ${folder}/temporary;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_http_version 1.0;
      proxy_set_header Host "";
      proxy_pass http://127.0.0.1:${api.port};
    }
  }
}
`,
    )
    start([nginx!, '-c', file, '-p', folder])
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
})
