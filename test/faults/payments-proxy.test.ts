import { afterAll, expect, test } from 'bun:test'
import { sql } from 'kysely'
import type { Caller } from '../../src/actor'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { newId } from '../../src/database/ids'
import { createCardApp } from '../payments/card-app'
import { type Fate, startCuttingProxy } from './cutting-proxy'

const FULL = process.env.TEST_SCALE === 'full'
const REQUESTS = FULL ? 2_000 : 60
const CLIENTS = 12
const FATES: Fate[] = ['before', 'unanswered', 'during', 'whole']

const t = await createCardApp()
const api = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request) => t.app.fetch(request) })
const proxy = await startCuttingProxy(api.port!, () => FATES[Math.floor(Math.random() * FATES.length)]!)
afterAll(async () => {
  await api.stop(true)
  await proxy.close()
})

type Wanted = { key: string; actor: Caller; path: string; body: object }

test('a payment or refund sent several times over broken connections has one effect and one answer', async () => {
  const { patient, appointmentId: base } = await t.booking({ status: 'completed' })
  const payments: Wanted[] = []
  for (let i = 0; i < REQUESTS / 2; i++) {
    const appointmentId = newId()
    await sql`
      insert into appointments
      select (jsonb_populate_record(a, jsonb_build_object('id', ${appointmentId}::text))).* from appointments a
      where a.id = ${base}`.execute(t.db)
    const body = { appointmentId, method: 'card' }
    payments.push({ key: `pay-${i}`, actor: patient.actor, path: '/payments', body })
  }
  const paid = await Promise.all(Array.from({ length: 5 }, () => t.paidPayment()))
  const refunds = Array.from({ length: REQUESTS / 2 }, (_, i): Wanted => {
    const path = `/payments/${paid[i % paid.length]!.id}/refunds`
    return { key: `refund-${i}`, actor: t.admin, path, body: { amount: 1, reason: 'A cent' } }
  })
  const before = t.payers.count()

  const wanted = [...payments, ...refunds].sort(() => Math.random() - 0.5)
  const answers = new Map<string, string[]>()
  let cut = 0
  async function send(base: string, { key, actor, path, body }: Wanted): Promise<boolean> {
    const authorization = `Bearer ${await signAccessToken(t.deps.config, actor, t.clock.now())}`
    const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': key, connection: 'close' }
    try {
      const response = await fetch(base + path, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
        keepalive: false,
      })
      const text = await response.text()
      if (response.status === 409 && text.includes('request_in_progress')) return false
      expect([response.status, text]).toEqual([201, text])
      answers.set(key, [...(answers.get(key) ?? []), text])
      return true
    } catch (error) {
      if (!(error as { code?: string }).code) throw error
      cut++
      return false
    }
  }
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      for (let next = wanted.pop(); next; next = wanted.pop()) {
        const times = Math.floor(Math.random() * 5)
        for (let i = 0; i < times; i++) await send(proxy.url, next)
        // The client repeats the request until it has an answer.
        while (!(await send(api.url.origin, next)));
      }
    }),
  )
  expect(cut).toBeGreaterThan(REQUESTS / 4)
  expect(answers.size).toBe(REQUESTS)
  for (const texts of answers.values()) expect(new Set(texts).size).toBe(1)

  const made = t.payers.count().payments - before.payments
  const ids = payments.map(({ body }) => (body as { appointmentId: string }).appointmentId)
  const rows = await t.db.selectFrom('payments').select('id').where('appointmentId', 'in', ids).execute()
  expect([made, rows.length]).toEqual([REQUESTS / 2, REQUESTS / 2])
  await t.settle()
  expect(t.payers.count().refunds - before.refunds).toBe(REQUESTS / 2)
  for (const { id, ref } of paid) {
    const given = REQUESTS / 2 / paid.length
    expect(await t.read(id)).toMatchObject({ status: 'partially_refunded', refundable: 9_500 - given })
    expect((await t.payers.getPayment(ref)).refunded).toBe(given)
  }
}, 600_000)
