import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, copyFileSync, existsSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDatabases } from '../support/databases'
import { until } from '../support/until'
import { newFolder, newFolderWithCluster, removeFolders, untilQuiet } from './folders'
import { killAll, type Program, processesWith, start } from './processes'

setDefaultTimeout(60_000)

/** A folder that already has a PostgreSQL cluster. */
const usedFolder = () => newFolderWithCluster('.data/postgres')

const ports = new Set<number>()

/** A free port that no other test here has. */
async function freePort(): Promise<number> {
  const port = await new Promise<number>((done) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as { port: number }
      server.close(() => done(port))
    })
  })
  if (ports.has(port)) return await freePort()
  ports.add(port)
  return port
}

const api = join(import.meta.dir, 'api.ts')

type Setup = { env?: Record<string, string>; uid?: number; command?: string[] }

function dev(cwd: string, port: number, { env, uid, command }: Setup = {}): Program {
  // The folder is on the command line, so that `processesWith` finds every process of this run.
  const line = [process.execPath, join(import.meta.dir, 'dev.ts'), '--', ...(command ?? ['bun', api, cwd])]
  return start(line, { cwd, uid, env: { PORT: `${port}`, POSTGRESQL_HOST: '', MONGODB_URI: '', ...env } })
}

async function upAndReady(...args: Parameters<typeof dev>) {
  const program = dev(...args)
  await until(() => program.output().includes('Ctrl-C') || program.hasExited())
  if (program.hasExited()) throw new Error(program.output())
  const request = (path: string, init?: RequestInit) => fetch(`http://localhost:${args[1]}${path}`, init)
  return { program, request }
}

/** The last line of a program that fails with exit code 1 and without a stack. */
async function failure(program: Program): Promise<string> {
  expect(await program.exited).toBe(1)
  const lines = program.output().trim().split('\n')
  expect(program.output()).not.toMatch(/^\s+at /m)
  return lines.at(-1) ?? ''
}

afterAll(async () => {
  killAll()
  await untilQuiet()
  removeFolders()
})

// Each test has its own folders, so that all can run at once; the first folder is on a disk, as for users.
describe.concurrent('bun dev', () => {
  test('bun dev needs only a folder, keeps data and secrets, and stops in order on Ctrl-C', async () => {
    const [folder, port] = [newFolder(tmpdir()), await freePort()]
    const first = await upAndReady(folder, port)
    const environment = (await (await first.request('/environment')).json()) as Record<string, string>
    expect(environment).toMatchObject({ NODE_ENV: 'development', PORT: `${port}`, POSTGRESQL_DATABASE: 'clinic' })
    expect(environment.MONGODB_URI).toStartWith('mongodb://')
    const secrets = JSON.parse(readFileSync(join(folder, '.data', 'secrets.json'), 'utf8'))
    for (const name of ['JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'PASSWORD_PEPPER', 'AUDIT_SIGNING_KEY']) {
      expect(environment[name]).toHaveLength(64)
      expect(environment[name]).toBe(secrets[name])
    }
    expect(statSync(join(folder, '.data', 'secrets.json')).mode & 0o777).toBe(0o600)
    const shared = join(folder, '.data', 'running.env')
    expect(statSync(shared).mode & 0o777).toBe(0o600)
    const command = start([process.execPath, `--env-file=${shared}`, '-e', 'console.log(JSON.stringify(process.env))'])
    await command.exited
    const { POSTGRESQL_HOST, POSTGRESQL_DATABASE, MONGODB_URI } = environment
    expect(JSON.parse(command.output())).toMatchObject({
      POSTGRESQL_HOST,
      POSTGRESQL_DATABASE,
      MONGODB_URI,
      ...secrets,
    })
    expect((await first.request('/notes', { method: 'POST', body: 'hello' })).status).toBe(201)
    for (const line of [`http://localhost:${port}/docs`, 'admin@demo.clinic', 'clinic-demo-2026', `${folder}/.data`]) {
      expect(first.program.output()).toContain(line)
    }
    first.program.kill('SIGINT')
    expect(await first.program.exited).toBe(0)
    await until(() => processesWith(folder).length === 0)
    const output = first.program.output()
    expect(output).toContain('seeded with a pepper of 64')
    expect(output.indexOf('api drained')).toBeLessThan(output.indexOf('Stopping the databases'))
    expect(existsSync(shared)).toBe(false)

    const second = await upAndReady(folder, port)
    expect(second.program.output()).not.toContain('seeded')
    expect(await (await second.request('/notes')).json()).toEqual([{ text: 'hello' }, { text: 'drained' }])
    expect(await (await second.request('/environment')).json()).toMatchObject(secrets)
    second.program.kill('SIGTERM')
    expect(await second.program.exited).toBe(0)
  })

  test('bun dev leaves no process behind when it is killed, and keeps every acknowledged write', async () => {
    const [folder, port] = [await usedFolder(), await freePort()]
    const first = await upAndReady(folder, port)
    expect((await first.request('/notes', { method: 'POST', body: 'kept' })).status).toBe(201)
    expect(processesWith(folder).length).toBeGreaterThan(3)
    first.program.kill('SIGKILL')
    const second = await upAndReady(folder, port)
    expect(await (await second.request('/notes')).json()).toContainEqual({ text: 'kept' })
    process.kill(-second.program.pid, 'SIGKILL')
    await until(() => processesWith(folder).length === 0)
  })

  test('bun dev restarts the API but no database when a file is saved, and refuses a second start in its folder', async () => {
    const [folder, port] = [await usedFolder(), await freePort()]
    const file = join(folder, 'api.ts')
    const source = readFileSync(api, 'utf8')
    await Bun.write(
      join(folder, 'node_modules', 'pg', 'index.js'),
      `module.exports = require('${require.resolve('pg')}')`,
    )
    copyFileSync(api, file)
    const { program, request } = await upAndReady(folder, port, {
      command: ['bun', '--watch', '--no-clear-screen', file],
    })
    const databases = () => processesWith(join(folder, '.data'))
    const before = databases()
    expect(await (await request('/version')).text()).toBe('version 1')
    await Bun.write(file, source.replace('version 1', 'version 2'))
    const version = () =>
      request('/version')
        .then((answer) => answer.text())
        .catch(() => '')
    await until(async () => (await version()) === 'version 2')
    const inUse = `${folder}/.data is already in use by process ${program.pid}: stop that one first.`
    expect(await failure(dev(folder, port))).toBe(inUse)
    expect(databases()).toEqual(before)
    program.kill('SIGHUP')
    expect(await program.exited).toBe(0)
    await until(() => processesWith(folder).length === 0)
  })

  test('bun dev keeps the settings of the user, and uses a configured server instead of the embedded one', async () => {
    const [folder, port] = [newFolder(), await freePort()]
    const databases = await createDatabases()
    const { MONGODB_URI: _, MONGODB_DATABASE: __, ...postgres } = databases.environment
    const env = {
      ...postgres,
      JWT_ACCESS_SECRET: 'chosen by the user',
      JWT_REFRESH_SECRET: '',
    }
    const { program, request } = await upAndReady(folder, port, { env })
    const environment = (await (await request('/environment')).json()) as Record<string, string>
    expect(environment).toMatchObject({ ...env, JWT_REFRESH_SECRET: expect.stringMatching(/^.{64}$/) })
    expect(program.output()).not.toContain('PostgreSQL is up')
    expect(program.output()).not.toContain('seeded')
    program.kill('SIGINT')
    expect(await program.exited).toBe(0)
    await databases.drop()
  })
})

describe.concurrent('failures of bun dev', () => {
  test('bun dev reports a port in use before it starts anything', async () => {
    const folder = newFolder()
    const server = Bun.serve({ port: 0, fetch: () => new Response() })
    const program = dev(folder, server.port ?? 0)
    expect(await failure(program)).toStartWith(`Port ${server.port} is already in use: stop what uses it`)
    expect(program.output()).not.toContain('is up')
    await server.stop(true)
  })

  test('bun dev reports a folder that cannot be written', async () => {
    const folder = newFolder()
    chmodSync(folder, 0o555)
    const uid = process.getuid?.() === 0 ? 65_534 : undefined
    const said = `Cannot write to ${folder}/.data (EACCES): make it writable for this user.`
    expect(await failure(dev(folder, await freePort(), { uid }))).toBe(said)
  })

  test.skipIf(process.getuid?.() !== 0)(
    'bun dev reports a user without a name, since PostgreSQL needs one',
    async () => {
      const folder = newFolder()
      chmodSync(folder, 0o777)
      const said = /^PostgreSQL needs a user that has a name, and 54321 has none: run as a user in \/etc\/passwd/
      expect(await failure(dev(folder, await freePort(), { uid: 54_321 }))).toMatch(said)
    },
  )

  test('bun dev says in one sentence why it ends when the API was killed', async () => {
    const command = ['sh', '-c', 'kill -9 $$']
    const said = /^The API was ended by a signal from outside \(SIGKILL often means too little memory\): start again\.$/
    expect(await failure(dev(newFolder(), await freePort(), { command }))).toMatch(said)
  })

  test('bun dev refuses to run in production', async () => {
    const said = /^The embedded databases are for development only: unset NODE_ENV=production/
    expect(await failure(dev(newFolder(), await freePort(), { env: { NODE_ENV: 'production' } }))).toMatch(said)
  })

  test('bun dev reports a PORT that is not a port number', async () => {
    const said = 'PORT must be a number from 1 to 65535, not "http".'
    expect(await failure(dev(newFolder(), await freePort(), { env: { PORT: 'http' } }))).toBe(said)
  })

  test('bun dev reports a configured PostgreSQL server that cannot be reached', async () => {
    const port = await freePort()
    const named = { POSTGRESQL_USER: 'postgres', POSTGRESQL_DATABASE: 'clinic' }
    const env = { ...named, POSTGRESQL_HOST: '127.0.0.1', POSTGRESQL_PORT: `${port}` }
    const said = `Cannot reach PostgreSQL at 127.0.0.1:${port} (ECONNREFUSED): start it, or unset POSTGRESQL_HOST`
    expect(await failure(dev(newFolder(), await freePort(), { env }))).toStartWith(said)
  })
})

test.concurrent('bun dev seeds again after a failed first try, and exits with the exit code of the API', async () => {
  const [folder, port] = [await usedFolder(), await freePort()]
  const failed = dev(folder, port, { env: { SEED: 'fails' } })
  expect(await failed.exited).toBe(1)
  const program = dev(folder, port, { command: ['bun', '-e', 'process.exit(7)', folder] })
  expect(await program.exited).toBe(7)
  expect(program.output()).toContain('seeded')
  await until(() => processesWith(folder).length === 0)
})
