import { expect, test } from 'bun:test'
import { createStripeApp } from './stripe-app'

const t = await createStripeApp()
const SECRET = 'whsec_tests'

async function deliver(rawBody: string) {
  const signature = await t.stripe.sign(rawBody, SECRET, t.clock.now())
  const headers = { 'content-type': 'application/json', 'stripe-signature': signature }
  return (await t.anonymous.post('/webhooks/payments/stripe', rawBody, { headers })).status
}

const event = (id: string, type: string, object: string) =>
  `{"object":"event","id":"${id}","type":"${type}","created":1772460000,"data":{"object":${object}}}`

const rowsOf = () => t.db.selectFrom('paymentEvents').select(['eventId', 'raw', 'outcome', 'needsAttention']).execute()

test('a signed event with NUL or half a surrogate pair in fields that are not read is processed like any other', async () => {
  for (const [i, text] of ['\\u0000', '\\ud83d', '\\udc00x'].entries())
    expect(await deliver(event(`evt_unread_${i}`, 'charge.updated', `{"description":"a${text}"}`))).toBe(204)
  const rows = (await rowsOf()).filter(({ eventId }) => eventId.startsWith('evt_unread_'))
  expect(rows).toHaveLength(3)
  expect(rows.every(({ outcome, needsAttention }) => outcome === 'ignored' && !needsAttention)).toBe(true)
})

test('a signed event about a payment or refund that cannot be read is kept whole and marked for a person', async () => {
  const bodies = [
    event('evt_1', 'payment_intent.succeeded', '{"object":"payment_intent","id":"pi_1","status":"new"}'),
    event('evt_2', 'refund.updated', '{}'),
    event(
      'evt_3',
      'payment_intent.succeeded',
      '{"object":"payment_intent","id":"pi_\\u0000","status":"succeeded","amount":1,"currency":"usd"}',
    ),
  ]
  for (const body of bodies) expect([await deliver(body), await deliver(body)]).toEqual([204, 204])
  const marked = (await rowsOf()).filter(({ needsAttention }) => needsAttention)
  expect(marked.map(({ raw }) => new TextDecoder().decode(raw!)).sort()).toEqual(bodies.toSorted())
  expect(marked.every(({ outcome }) => outcome === 'ignored')).toBe(true)
  expect(await t.jobs.run()).toBe(0)
})

test('a wrong signature is refused, whatever the body', async () => {
  const headers = { 'content-type': 'application/json', 'stripe-signature': `t=1,v1=${'0'.repeat(64)}` }
  for (const body of ['{', '{"a":"\\u0000"}', 'x'.repeat(500_000)])
    expect((await t.anonymous.post('/webhooks/payments/stripe', body, { headers })).body.code).toBe('invalid_signature')
})
