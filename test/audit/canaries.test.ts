import { expect, test } from 'bun:test'
import { sql } from 'kysely'
import type { Caller, Role } from '../../src/actor'
import { createApp } from '../../src/app'
import { auditLogs } from '../../src/audit/collection'
import { relayAuditEvents } from '../../src/audit/relay'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import type { Deps } from '../../src/deps'
import type { Logger } from '../../src/log'
import type { Call, Entry } from '../contract/call'
import { addressOf, CALLS, sentBy } from '../contract/calls'
import { plantIn } from '../contract/free-text'
import { createWorld } from '../contract/world'
import { apiDocument, type Route, routesOf } from '../support/api-document'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'
import { withoutDatabases } from './broken-deps'

const t = await createTestApp()
const world = await createWorld(t)
const document = await apiDocument()
const ROLES: Role[] = ['patient', 'doctor', 'admin']

const CANARY = 'canarythatsings'
/** The canary, and a part of every password and email address in the test world. */
const SECRETS = [CANARY, 'long passphrase', 'example.org']

const lines: string[] = []
/** Logs more of an error than the real logger does. */
const withErrors = (_: string, value: unknown) =>
  value instanceof Error ? { ...value, message: value.message, stack: value.stack, cause: value.cause } : value
const keep = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields, withErrors)}`)
const log: Logger = { debug: keep, info: keep, warn: keep, error: keep }

const working = createApp({ ...t.deps, log })
const broken = createApp({ ...withoutDatabases(t.deps), log })
const refusals: string[] = []

async function ask(app: typeof working, { method, path }: Route, call: Call, actor: Caller) {
  const send = async (request: Request) => app.fetch(request, { peerAddress: '127.0.0.1' })
  const client = createClient(send, () => signAccessToken(t.deps.config, actor, t.deps.clock()))
  const { body, headers } = sentBy(call)
  const answer = await client.call(method, addressOf(path, call), body, { headers })
  if (answer.status >= 400) refusals.push(answer.text)
  return answer.status < 300 ? 'done' : answer.status
}

const rolesOf = ({ operation: { 'x-roles': roles } }: Route): Role[] =>
  typeof roles === 'string' ? ['patient'] : roles

/** Actors who are refused: a stranger, if the route has strangers, and every wrong role. */
function othersThan(role: Role, { operation: { 'x-roles': roles } }: Route, { strangers }: Entry): Caller[] {
  if (typeof roles === 'string') return []
  const isStranger = strangers !== 'none' && typeof strangers[role] === 'number'
  return [
    ...(isStranger ? [world.stranger[role]] : []),
    ...ROLES.filter((other) => !roles.includes(other)).map((other) => world.owner[other]),
  ]
}

test('no free text, password or email address appears in a log line, audit event, job, metric or error', async () => {
  const asked: string[] = []
  for (const route of routesOf(document)) {
    const name = `${route.method} ${route.path}`
    const entry = CALLS[name]
    if (!entry) continue
    const outcomes: unknown[] = []
    for (const role of rolesOf(route)) {
      const call = plantIn(document, route, await entry.call(world, role), CANARY)
      if (!call) break
      const owner = call.as ?? world.owner[role]
      for (const other of othersThan(role, route, entry)) await ask(working, route, call, other)
      const tooLong = plantIn(document, route, call, CANARY.repeat(6_000))!
      expect(['413', '422'], name).toContain(String(await ask(working, route, tooLong, owner)))
      expect([name, await ask(broken, route, call, owner)]).toEqual([name, 500])
      outcomes.push(await ask(working, route, call, owner))
    }
    if (outcomes.length === 0) continue
    expect([name, outcomes]).toEqual([name, expect.arrayContaining(['done'])])
    asked.push(name)
  }

  expect(asked.length).toBeGreaterThan(25)
  expect(refusals.length).toBeGreaterThan(100)

  const written = {
    lines: lines.join('\n'),
    refusals: refusals.join('\n'),
    figures: (await t.anonymous.get('/metrics')).text,
    outbox: JSON.stringify(await t.auditEvents().selectAll().execute()),
    trail: await relayed(t.deps),
    jobs: JSON.stringify((await sql`select data::text, output::text from pgboss.job`.execute(t.db)).rows),
  }
  for (const [where, text] of Object.entries(written)) {
    expect([where, text.length > 0]).toEqual([where, true])
    for (const secret of SECRETS) expect([where, secret, text.includes(secret)]).toEqual([where, secret, false])
  }
}, 60_000)

async function relayed(deps: Deps): Promise<string> {
  while ((await relayAuditEvents(deps)) > 0);
  return JSON.stringify(await auditLogs(deps.mongo).find().toArray())
}
