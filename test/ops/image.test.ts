import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONFIG_KEYS } from '../../src/config'
import { runFolder } from '../support/run-folder'
import { ROOT } from '../support/server'

test('the program that the steps of the Dockerfile build starts, serves and stops', async () => {
  const script = Bun.spawn([process.execPath, 'scripts/smoke-image.ts'], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: runFolder() },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [output, problem, code] = await Promise.all([
    new Response(script.stdout).text(),
    new Response(script.stderr).text(),
    script.exited,
  ])
  const wrong = code === 0 ? '' : output + problem
  expect(wrong).toBe('')
  expect(output).toContain('passed in')
}, 180_000)

test('compose.yaml gives the API only existing settings and contains no secret', () => {
  const { services } = Bun.YAML.parse(readFileSync(join(ROOT, 'compose.yaml'), 'utf8')) as {
    services: Record<string, { image?: string; environment: Record<string, string>; healthcheck?: object }>
  }
  const { environment } = services.api!
  expect(Object.keys(environment).filter((key) => !(CONFIG_KEYS as string[]).includes(key))).toEqual([])
  for (const key of ['JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'PASSWORD_PEPPER', 'AUDIT_SIGNING_KEY'])
    expect(environment[key]).toBe(`\${${key}:?is needed}`)
  expect([services.postgres!.image, services.mongo!.image]).toEqual(['postgres:18', 'mongo:8'])
  expect(services.postgres!.healthcheck).toBeDefined()
  expect(services.mongo!.healthcheck).toBeDefined()
})
