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

test('compose.yaml gives the API every setting of .env.example, no other ones, and contains no secret', () => {
  const { services } = Bun.YAML.parse(readFileSync(join(ROOT, 'compose.yaml'), 'utf8')) as {
    services: Record<
      string,
      { image?: string; environment: Record<string, string>; healthcheck?: object; volumes?: string[] }
    >
  }
  const { environment } = services.api!
  expect(Object.keys(environment).sort()).toEqual([...CONFIG_KEYS].sort())
  const fixed = [
    'NODE_ENV',
    'PORT',
    'POSTGRESQL_HOST',
    'POSTGRESQL_PORT',
    'POSTGRESQL_USER',
    'POSTGRESQL_DATABASE',
    'MONGODB_URI',
  ]
  for (const key of CONFIG_KEYS.filter((key) => !fixed.includes(key)))
    expect(environment[key]).toMatch(new RegExp(`^\\$\\{${key}:(-|\\?is needed)\\}$`))
  for (const key of ['JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'PASSWORD_PEPPER', 'AUDIT_SIGNING_KEY'])
    expect(environment[key]).toBe(`\${${key}:?is needed}`)
  expect([services.postgres!.image, services.mongo!.image]).toEqual(['postgres:18', 'mongo:8'])
  const { environment: maintenance } = services.maintenance!
  expect(Object.keys(maintenance).sort()).toEqual(Object.keys(environment).sort())
  // Not the superusers, whom only the databases know.
  expect([environment.POSTGRESQL_USER, services.postgres!.environment.POSTGRES_USER]).toEqual(['clinic', 'postgres'])
  expect(environment.MONGODB_URI).toStartWith('mongodb://clinic:')
  expect(maintenance.MONGODB_MAINTENANCE_URI).toStartWith('mongodb://clinic_maintenance:')
  expect(services.mongo!.environment.MONGO_INITDB_ROOT_USERNAME).toBe('root')
  for (const [database, script] of Object.entries({ postgres: 'postgres-roles.sql', mongo: 'mongo-users.js' }))
    expect(services[database]!.volumes![0]).toStartWith(`./deploy/compose/${script}:/docker-entrypoint-initdb.d/`)
  expect(JSON.stringify([environment, maintenance])).not.toContain('ADMIN_PASSWORD')
  expect(services.postgres!.healthcheck).toBeDefined()
  expect(services.mongo!.healthcheck).toBeDefined()
})
