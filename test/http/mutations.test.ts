import { describe, expect, test } from 'bun:test'
import { OpenAPIHono, z } from '@hono/zod-openapi'
import { sql } from 'kysely'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { answer } from '../../src/http/answer'
import { deleteOldKeys } from '../../src/http/idempotency/store'
import { answerErrors } from '../../src/http/middleware/errors'
import { identifyRequest } from '../../src/http/middleware/request-id'
import { operation } from '../../src/http/operations/operation'
import { READABLE_BY_ROLE } from '../../src/http/operations/replay'
import { createRouter } from '../../src/http/operations/router'
import type { HttpEnv } from '../../src/http/request'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'
import { until } from '../support/until'

const FULL = process.env.TEST_SCALE === 'full'
const t = await createTestApp()
const admin = await t.newAdmin()
const other = await t.newAdmin()

let serial = 0
const newClinic = () => ({ name: `Clinic of mutation ${++serial}`, timeZone: 'Europe/Berlin', currency: 'EUR' })
const keyed = (key: string, headers: Record<string, string> = {}) => ({
  headers: { 'idempotency-key': key, ...headers },
})
const named = (name: string) => t.db.selectFrom('clinics').select('id').where('name', '=', name).execute()
const eventsOf = (kind: string, requestIds: (string | null)[]) =>
  t
    .auditEvents()
    .select(['outcome', 'actorId', 'detail'])
    .where('kind', '=', kind)
    .where('requestId', 'in', requestIds as string[])
    .execute()

describe('the same request under the same idempotency key', () => {
  test('a replay returns the same status, body and headers, and is marked as a replay', async () => {
    const clinic = newClinic()
    const first = await t.as(admin).post('/clinics', clinic, keyed('same'))
    const second = await t.as(admin).post('/clinics', clinic, keyed('same'))
    expect(first.headers.has('idempotent-replayed')).toBe(false)
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect(second.text).toBe(first.text)
    for (const name of ['content-type', 'etag', 'location', 'cache-control'])
      expect(second.headers.get(name)).toBe(first.headers.get(name)!)
    expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
    expect(await named(clinic.name)).toHaveLength(1)
  })

  test('a replay returns the stored answer even when the resource has changed since', async () => {
    const first = await t.as(admin).post('/clinics', newClinic(), keyed('then'))
    const { name } = JSON.parse(first.text)
    await t.as(admin).patch(`/clinics/${first.body.id}`, { name: 'Renamed since' })
    const again = await t
      .as(admin)
      .post('/clinics', { name, timeZone: 'Europe/Berlin', currency: 'EUR' }, keyed('then'))
    expect(again.text).toBe(first.text)
  })

  test('the first request is audited as the change, and its replay as a replay', async () => {
    const clinic = newClinic()
    const first = await t.as(admin).post('/clinics', clinic, keyed('audited'))
    const second = await t.as(admin).post('/clinics', clinic, keyed('audited'))
    const [one, two] = [first, second].map(({ headers }) => headers.get('x-request-id'))
    expect(await eventsOf('clinic.create', [one!])).toEqual([
      { outcome: 'success', actorId: admin.userId, detail: null },
    ])
    expect(await eventsOf('clinic.create', [two!])).toEqual([
      { outcome: 'success', actorId: admin.userId, detail: { replayed: true } as never },
    ])
  })

  test('concurrent requests under one idempotency key have one effect: the others get a 409 or the same answer', async () => {
    const rounds = FULL ? 50 : 3
    for (let round = 0; round < rounds; round++) {
      const clinic = newClinic()
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => t.as(admin).post('/clinics', clinic, keyed(`race-${round}`))),
      )
      const made = answers.filter(({ status }) => status === 201)
      const told = answers.filter(({ status }) => status === 409)
      expect(made.length + told.length).toBe(10)
      expect(new Set(made.map(({ text }) => text)).size).toBe(1)
      for (const { body, headers } of told) {
        expect(body.code).toBe('request_in_progress')
        expect(headers.get('retry-after')).toBe('1')
      }
      expect(await named(clinic.name)).toHaveLength(1)
    }
  })

  test('a request is a 409 while the first request under its idempotency key is still running', async () => {
    const { id } = await t.newClinic()
    const { pool } = t.deps.postgres
    const holder = await pool.connect()
    await holder.query('begin')
    await holder.query('select 1 from clinics where id = $1 for update', [id])
    const working = t.as(admin).patch(`/clinics/${id}`, { name: 'Slowly' }, keyed('slow'))
    await until(async () => (await sql`select 1 from pg_locks where not granted`.execute(t.db)).rows.length > 0)
    const meanwhile = await t.as(admin).patch(`/clinics/${id}`, { name: 'Slowly' }, keyed('slow'))
    expect(meanwhile).toMatchObject({ status: 409, body: { code: 'request_in_progress' } })
    await holder.query('rollback')
    holder.release()
    expect((await working).status).toBe(200)
    const after = await t.as(admin).patch(`/clinics/${id}`, { name: 'Slowly' }, keyed('slow'))
    expect(after.text).toBe((await working).text)
  })

  test('an idempotency key is forgotten after 24 hours', async () => {
    const clinic = newClinic()
    await t.as(admin).post('/clinics', clinic, keyed('old'))
    const later = (hours: number) => new Date(t.clock.now().getTime() + hours * 3_600_000)
    const before = await t.db.selectFrom('idempotencyKeys').select('id').execute()
    await deleteOldKeys(t.db, later(23.9), 1_000)
    expect(await t.db.selectFrom('idempotencyKeys').select('id').execute()).toHaveLength(before.length)
    await deleteOldKeys(t.db, later(24.1), 1_000)
    expect(await t.db.selectFrom('idempotencyKeys').select('id').execute()).toEqual([])
    expect((await t.as(admin).post('/clinics', clinic, keyed('old'))).headers.has('idempotent-replayed')).toBe(false)
    expect(await named(clinic.name)).toHaveLength(2)
  })
})

describe('another request under a used idempotency key', () => {
  test.each([
    ['another body', async () => t.as(admin).post('/clinics', newClinic(), keyed('taken'))],
    [
      'another path',
      async () => t.as(admin).patch(`/clinics/${(await t.newClinic()).id}`, { name: 'X' }, keyed('taken')),
    ],
  ])('refuses a used idempotency key with %s', async (_what, send) => {
    await t.as(admin).post('/clinics', { name: 'First', timeZone: 'Europe/Berlin', currency: 'EUR' }, keyed('taken'))
    expect(await send()).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  })

  test('refuses a used idempotency key with another If-Match, with one more or with one less', async () => {
    const { id } = await t.newClinic()
    const rename = (key: string, headers?: Record<string, string>) =>
      t.as(admin).patch(`/clinics/${id}`, { name: 'Checked' }, keyed(key, headers))
    const reused = { status: 422, body: { code: 'idempotency_key_reused' } }
    expect((await rename('checked', { 'if-match': '"1"' })).status).toBe(200)
    expect(await rename('checked', { 'if-match': '"2"' })).toMatchObject(reused)
    expect(await rename('checked')).toMatchObject(reused)
    expect((await rename('checked', { 'if-match': '"1"' })).headers.get('idempotent-replayed')).toBe('true')
    expect((await rename('unchecked')).status).toBe(200)
    expect(await rename('unchecked', { 'if-match': '"2"' })).toMatchObject(reused)
  })

  test('an answer that an earlier version stored without If-Match is replayed whatever If-Match is sent', async () => {
    const { id } = await t.newClinic()
    const rename = () =>
      t.as(admin).patch(`/clinics/${id}`, { name: 'Earlier' }, keyed('earlier', { 'if-match': '"1"' }))
    const first = await rename()
    await t.db.updateTable('idempotencyKeys').set({ precondition: null }).execute()
    expect(await rename()).toMatchObject({ status: 200, text: first.text })
  })

  test('two users may use the same idempotency key', async () => {
    const clinic = newClinic()
    const mine = await t.as(admin).post('/clinics', clinic, keyed('everybody'))
    const theirs = await t.as(other).post('/clinics', clinic, keyed('everybody'))
    expect(theirs).toMatchObject({ status: 201 })
    expect(theirs.body.id).not.toBe(mine.body.id)
  })
})

describe('idempotency keys', () => {
  test.each(['x'.repeat(201), ''])('an idempotency key that is too long or empty is a 422 (case %#)', async (key) => {
    const answer = await t.as(admin).post('/clinics', newClinic(), keyed(key))
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: 'header.Idempotency-Key' }] } })
  })

  test('an idempotency key of 200 characters is accepted', async () => {
    expect((await t.as(admin).post('/clinics', newClinic(), keyed('y'.repeat(200)))).status).toBe(201)
  })

  test('a replay requires authentication and the right role', async () => {
    const clinic = newClinic()
    await t.as(admin).post('/clinics', clinic, keyed('guarded'))
    expect((await t.anonymous.post('/clinics', clinic, keyed('guarded'))).status).toBe(401)
    expect((await t.as({ ...admin, role: 'patient' }).post('/clinics', clinic, keyed('guarded'))).status).toBe(403)
  })

  test('an idempotency key is free again after its request was refused', async () => {
    const { id } = await t.newClinic()
    const stale = await t.as(admin).patch(`/clinics/${id}`, { name: 'A' }, keyed('freed', { 'if-match': '"9"' }))
    expect(stale.status).toBe(412)
    const missing = await t.as(admin).patch(`/clinics/${crypto.randomUUID()}`, { name: 'A' }, keyed('freed'))
    expect(missing.status).toBe(404)
    expect((await t.as(admin).patch(`/clinics/${id}`, { name: 'A' }, keyed('freed'))).status).toBe(200)
  })

  test('an idempotency key is stored as a digest, never as text', async () => {
    await t.as(admin).post('/clinics', newClinic(), keyed('readable-key'))
    const { rows } = await sql<{ row: string }>`select row_to_json(k)::text as row from idempotency_keys k`.execute(
      t.db,
    )
    expect(rows.map(({ row }) => row).join()).not.toContain('readable-key')
  })
})

describe('the transaction of a mutation', () => {
  const Empty = z.strictObject({})
  const declare = (operationId: string) =>
    operation({
      method: 'post',
      path: `/test/${operationId}`,
      tag: 'Test',
      operationId,
      summary: 'x',
      description: 'x',
      access: ['admin'],
      who: 'admins',
      audit: { kind: `test.${operationId.toLowerCase()}`, action: 'C' },
      answer: { status: 200, description: 'x', schema: Empty },
    })

  /** A mutation that writes a row and then fails with `code`, in its first `failures` attempts. */
  function unlucky(operationId: string, code: string, failures: number) {
    const attempts = { count: 0 }
    const app = new OpenAPIHono<HttpEnv>()
    app.use(identifyRequest(t.deps))
    answerErrors(app, t.deps)
    const { app: routes, mutation } = createRouter(t.deps)
    mutation(declare(operationId), READABLE_BY_ROLE, async ({ db, now }) => {
      attempts.count++
      const id = crypto.randomUUID()
      await db
        .insertInto('clinics')
        .values({ id, name: operationId, timeZone: 'Europe/Berlin', currency: 'EUR', createdAt: now })
        .execute()
      if (attempts.count <= failures)
        await sql.raw(`do $$ begin raise exception using errcode = '${code}'; end $$`).execute(db)
      return answer({})
    })
    app.route('/', routes)
    const client = createClient(
      async (request) => app.fetch(request),
      () => signAccessToken(t.deps.config, admin, t.clock.now()),
    )
    return {
      attempts,
      send: () => client.post(`/test/${operationId}`, undefined, { raw: true, ...keyed(operationId) }),
    }
  }

  test.each([
    ['a serialisation failure', 'serialised', '40001'],
    ['a deadlock', 'deadlocked', '40P01'],
  ])('a mutation is retried as a whole after %s, and failures leave no trace', async (_what, operationId, code) => {
    const { attempts, send } = unlucky(operationId, code, 3)
    expect((await send()).status).toBe(200)
    expect(attempts.count).toBe(4)
    expect(await named(operationId)).toHaveLength(1)
    expect((await send()).headers.get('idempotent-replayed')).toBe('true')
    expect(attempts.count).toBe(4)
  })

  test('a mutation is a 503 after five failed attempts, and its idempotency key may be sent again', async () => {
    const { attempts, send } = unlucky('hopeless', '40001', 7)
    const answer = await send()
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(answer.headers.get('retry-after')).toBe('2')
    expect(attempts.count).toBe(5)
    expect(await named('hopeless')).toEqual([])
    expect((await send()).status).toBe(200)
    expect(await named('hopeless')).toHaveLength(1)
  })

  test('a mutation is not retried after a permanent error', async () => {
    const { attempts, send } = unlucky('broken', '22012', 1)
    expect(await send()).toMatchObject({ status: 500, body: { code: 'internal' } })
    expect(attempts.count).toBe(1)
    expect(await named('broken')).toEqual([])
  })
})
