import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { readConfig } from '../../src/config'
import { USABLE } from '../support/settings'

test('the logger leaves out fields with the name of a secret, at the top and one level below', async () => {
  const script = `
    const { createLogger } = await import('./log.ts')
    const secret = 'canary'
    createLogger('info').info({ password: secret, id: 7, headers: { authorization: secret, host: 'a' }, list: [1] }, 'said')`
  const child = Bun.spawn([process.execPath, '-e', script], { cwd: join(import.meta.dir, '../../src') })
  const line = await new Response(child.stdout).text()
  expect(line).not.toContain('canary')
  expect(JSON.parse(line)).toEqual({
    level: 'info',
    time: expect.any(String),
    id: 7,
    headers: { host: 'a' },
    list: [1],
    msg: 'said',
  })
})

test('in text format a request is one line with time, method, path pattern, status, duration and user id', async () => {
  const script = `
    const { createLogger } = await import('./log.ts')
    const log = createLogger('info', 'text')
    log.info({ requestId: 'r1', method: 'GET', route: '/clinics/:id', status: 200, ms: 3.4, actorId: 'u1' }, 'request')
    log.warn({ reason: 'busy', password: 'canary' }, 'request refused for now')
    log.error({ error: new TypeError('canary') }, 'request failed')`
  const child = Bun.spawn([process.execPath, '-e', script], { cwd: join(import.meta.dir, '../../src') })
  const [request, warning, failure, ...frames] = (await new Response(child.stdout).text()).trimEnd().split('\n')
  expect(request).toMatch(/^\d\d:\d\d:\d\d\.\d{3} GET \/clinics\/:id 200 3\.4 ms u1$/)
  expect(warning).toMatch(/^\S+ WARN request refused for now reason=busy$/)
  expect(failure).toMatch(/^\S+ ERROR request failed$/)
  expect(frames.join('\n')).toStartWith('    TypeError\n    at ')
  expect(frames.join('\n')).not.toContain('canary')
})

test.each([
  [{}, 'text'],
  [{ NODE_ENV: 'development' }, 'text'],
  [{ NODE_ENV: 'test' }, 'json'],
  [{ NODE_ENV: 'production' }, 'json'],
  [{ NODE_ENV: 'production', LOG_FORMAT: 'text' }, 'text'],
  [{ LOG_FORMAT: 'json' }, 'json'],
])('with %p the log format is %s', (settings, format) => {
  expect(readConfig({ ...USABLE, ...settings }).logFormat).toBe(format as 'json' | 'text')
})
