import { expect, test } from 'bun:test'
import { join } from 'node:path'

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
