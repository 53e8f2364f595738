import { beforeEach, expect, test } from 'bun:test'
import { sweepPayments } from '../../src/payments/sweeper'
import { processPaymentEvent } from '../../src/payments/webhooks/service'
import { NOW } from '../support/app'
import { createCardApp } from './card-app'

const t = await createCardApp()
beforeEach(() => t.clock.set(NOW))

const oneSecondAfter = (time: Date) => new Date(time.getTime() + 1_000)

/** A stored event whose content makes each attempt fail. */
async function brokenEvent() {
  const { ref } = await t.cardPayment()
  t.payers.pay(ref, 'succeed')
  const [delivery] = await t.takeWebhooks()
  await t.deliver(delivery!)
  const { id } = await t.db
    .updateTable('paymentEvents')
    .set({ snapshot: { broken: true } })
    .where('paymentRef', '=', ref)
    .returning('id')
    .executeTakeFirstOrThrow()
  const read = () => t.db.selectFrom('paymentEvents').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  return { id, read }
}

test('an event that cannot be applied is tried again after growing pauses, and in the end left to a person', async () => {
  const { id, read } = await brokenEvent()
  const pauses: number[] = []
  await processPaymentEvent(t.deps, id)
  for (let event = await read(); event.retryAt; event = await read()) {
    pauses.push(event.retryAt.getTime() - t.clock.now().getTime())
    await sweepPayments(t.deps)
    expect((await read()).attempts).toBe(event.attempts)
    t.clock.set(oneSecondAfter(event.retryAt))
    await sweepPayments(t.deps)
  }
  expect(pauses.slice(0, 3)).toEqual([15_000, 30_000, 60_000])
  expect(pauses.at(-1)).toBe(3_600_000)
  const last = await read()
  expect(last).toMatchObject({ attempts: pauses.length + 1, needsAttention: true, outcome: null })
  expect(last.processedAt).not.toBeNull()
  await sweepPayments(t.deps)
  await processPaymentEvent(t.deps, id)
  expect((await read()).attempts).toBe(last.attempts)
})

test('copies that fail to apply an event at the same time count one attempt', async () => {
  const { id, read } = await brokenEvent()
  await Promise.all(Array.from({ length: 4 }, () => processPaymentEvent(t.deps, id)))
  expect(await read()).toMatchObject({ attempts: 1, processedAt: null })
})

test('an event that is applied at a later attempt does not need a person', async () => {
  const { id, read } = await brokenEvent()
  const { paymentRef } = await read()
  await processPaymentEvent(t.deps, id)
  const snapshot = { ...(await t.payers.getPayment(paymentRef!)) }
  await t.db.updateTable('paymentEvents').set({ snapshot }).where('id', '=', id).execute()
  t.clock.set(oneSecondAfter((await read()).retryAt!))
  await sweepPayments(t.deps)
  expect(await read()).toMatchObject({ attempts: 1, needsAttention: false, outcome: 'applied' })
})
