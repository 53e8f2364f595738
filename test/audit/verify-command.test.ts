import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatCheckpoint } from '../../src/audit/checkpoints'
import { runCommand } from '../../src/commands/command'
import { asMaintenanceUser } from '../../src/commands/maintenance-user'
import { verifyCommand } from '../../src/commands/verify-command'
import { readConfig } from '../../src/config'
import { createTestApp } from '../support/app'
import { runFolder } from '../support/run-folder'
import { builtProgram } from '../support/server'
import { createTrail } from './trail'

const t = await createTestApp()
const { whole, set, log, logs, restore, inPostgres } = await createTrail(t)
const directory = mkdtempSync(join(runFolder(), 'audit-verify-'))

afterEach(async () => {
  await restore()
})

const { JWT_ACCESS_SECRET: _a, JWT_REFRESH_SECRET: _r, PASSWORD_PEPPER: _p, ...needed } = t.env

async function run(words: string[] = [], env: Record<string, string> = {}) {
  const [out, err]: [string[], string[]] = [[], []]
  const print = (lines: string[]) => (line: string) => void lines.push(line)
  const output = { print: print(out), warn: print(err) }
  const code = await runCommand(verifyCommand, words, { ...needed, ...env }, output)
  return { out, err: err.join('\n'), code }
}

/** Runs the built program, as a user does in a terminal. */
async function call() {
  const child = Bun.spawn([process.execPath, builtProgram('verify-command')], {
    env: { PATH: process.env.PATH, ...needed },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { out: out.split('\n').slice(0, -1), err, code }
}

const [newest = '', oldest = ''] = whole.checkpoints.map((checkpoint) => `checkpoint ${formatCheckpoint(checkpoint)}`)

describe('audit:verify', () => {
  test('audit:verify reports an intact trail, the checkpoint to keep and the public key that checks it', async () => {
    const { out, err, code } = await run()
    expect([code, err]).toEqual([0, ''])
    expect(out[0]).toBe('120 events, intact, last checkpoint 75 of 2026-01-05T13:00:00.000Z')
    expect(out[1]).toBe(newest)
    expect(out[2]).toMatch(/^public key [\w-]{43}$/)
    const { AUDIT_FORMER_PUBLIC_KEYS } = { AUDIT_FORMER_PUBLIC_KEYS: out[2]!.slice('public key '.length) }
    expect(readConfig({ ...t.env, AUDIT_FORMER_PUBLIC_KEYS }).audit.formerPublicKeys).toHaveLength(1)
  })

  test('audit:verify --from-checkpoint checks only events from the newest checkpoint on', async () => {
    await set(20, { kind: 'test.other' })
    expect(await run(['--from-checkpoint'])).toMatchObject({
      code: 0,
      out: [expect.stringContaining('46 events, intact'), newest, expect.anything()],
    })
  })

  test('audit:verify names the first changed event and exits with 1', async () => {
    await set(100, { kind: 'test.other' })
    await logs.deleteOne({ _id: 110 })
    const { out, code } = await call()
    expect([code, out[0]]).toEqual([1, 'NOT INTACT: event 100: its kind differs from the hashed one'])
    expect(out.filter((line) => line.startsWith('checkpoint'))).toEqual([])
  })

  test('audit:verify --checkpoints prints every checkpoint, and --kept checks the trail against them', async () => {
    const { out, code } = await run(['--checkpoints'])
    expect([code, out]).toEqual([0, [oldest, newest]])
    const file = join(directory, 'kept')
    const { out: usual } = await run()
    writeFileSync(file, `\n${[...usual, ...out].join('\n')}\n`)
    expect(await run(['--kept', file])).toMatchObject({ code: 0 })

    await logs.deleteMany({ _id: { $gt: 60 } })
    await inPostgres('delete from audit_checkpoints where seq > 60')
    await inPostgres(`update audit_head set seq = 60, hash = '${log(60).hash}'`)
    expect(await run()).toMatchObject({ code: 0 })
    expect(await run(['--kept', file])).toMatchObject({ code: 1 })
  })

  test.each([
    ['an unknown argument', ['--all'], 'Usage: bun run audit:verify'],
    ['a file without checkpoints', ['--kept', import.meta.path], `Line 1 of ${import.meta.path} is not a checkpoint.`],
  ])('audit:verify refuses %s with one sentence', async (_, words, sentence) => {
    const { out, err, code } = await run(words)
    expect([code, out]).toEqual([2, []])
    expect(err).toStartWith(sentence)
  })

  test('audit:verify exits with 2 when a database does not answer or a setting is missing', async () => {
    const down = await run([], { POSTGRESQL_HOST: '127.0.0.1', POSTGRESQL_PORT: '1' })
    expect(down.code).toBe(2)
    expect(down.err).toMatch(
      /^Could not be checked: PostgreSQL at 127\.0\.0\.1:1 is not running.*POSTGRESQL_PORT \(.+\)\.$/,
    )
    const noMongo = await run([], { MONGODB_URI: 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300' })
    expect(noMongo.code).toBe(2)
    expect(noMongo.err).toMatch(
      /^Could not be checked: MongoDB at 127\.0\.0\.1:1 is not running.* in MONGODB_URI \(.+\)\.$/,
    )
    const maintenance = 'mongodb://u:hun@ter2@x'
    const wrong = await run([], asMaintenanceUser({ MONGODB_MAINTENANCE_URI: maintenance }) as Record<string, string>)
    expect(wrong.code).toBe(2)
    expect(wrong.err).toMatch(/^MONGODB_MAINTENANCE_URI or MONGODB_URI is not/)
    expect(wrong.err).not.toContain('hun')
    const missing = await run([], { AUDIT_SIGNING_KEY: '' })
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('AUDIT_SIGNING_KEY is required') })
    rmSync(directory, { recursive: true, force: true })
  })
})
