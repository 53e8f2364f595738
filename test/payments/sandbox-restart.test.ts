import { afterEach, describe, expect, test } from 'bun:test'
import { assembleProviders } from '../../src/payments/providers/providers'
import { createSandbox } from '../../src/payments/providers/sandbox'
import { sweepPayments } from '../../src/payments/sweeper'
import { receiveWebhook } from '../../src/payments/webhooks/service'
import { NOW } from '../support/app'
import { createCardApp } from './card-app'

const t = await createCardApp()
const DAY = 86_400_000
const { paymentProviders } = t.deps

/** Each test begins before a restart: a restarted sandbox sends webhooks by itself, which `t.settle()` does not await. */
afterEach(() => void Object.assign(t.deps, { paymentProviders }))

/** Restarts the sandbox, as each save under `bun dev` does: with an empty memory and new timers. */
function restart() {
  const underway: Promise<unknown>[] = []
  const sandbox = createSandbox({
    clock: t.clock.now,
    webhookSecrets: ['another'],
    deliver: ({ rawBody, headers }) => receiveWebhook(t.deps, 'sandbox', rawBody, new Headers(headers)),
    schedule: (run) => {
      underway.push(Promise.resolve().then(run))
      return () => {}
    },
  })
  Object.assign(t.deps, { paymentProviders: { ...assembleProviders(sandbox), sandbox, close: () => {} } })
  return async () => {
    do {
      while (underway.length > 0) await Promise.all(underway.splice(0))
    } while ((await t.jobs.run()) > 0 || underway.length > 0)
  }
}

describe('the sandbox after a restart', () => {
  test('the restarted sandbox refunds a payment made before the restart', async () => {
    const { id, appointmentId, patient } = await t.paidPayment({ startsAt: new Date(NOW.getTime() + 9 * DAY) })
    const settle = restart()
    await t.as(patient.actor).put(`/appointments/${appointmentId}/cancel`)
    await settle()
    expect(await t.read(id)).toMatchObject({
      status: 'refunded',
      entries: [{ kind: 'charge' }, { kind: 'refund', amount: 9500, status: 'succeeded' }],
    })
  })

  test.each([
    [9_500, 'succeeded'],
    [9_502, 'failed'],
    [9_503, 'requires_action'],
    [9_504, 'succeeded'],
  ])('the restarted sandbox gives a payment of %i the outcome %s', async (priceAmount, status) => {
    const { id, patient } = await t.cardPayment({ priceAmount })
    const settle = restart()
    const asked = await t.as(patient.actor).get(`/payments/${id}`)
    expect(asked.body).toMatchObject({ status: 'pending', clientSecret: expect.any(String) })
    await settle()
    expect(await t.read(id)).toMatchObject({ status })
  })

  test('the restarted sandbox reports a payment as succeeded when it is too late to cancel it', async () => {
    const { id } = await t.cardPayment()
    const settle = restart()
    t.clock.advance(DAY + 1)
    await sweepPayments(t.deps)
    await settle()
    expect(await t.read(id)).toMatchObject({ status: 'succeeded', refundable: 9_500 })
    t.clock.set(NOW)
  })

  test('the restarted sandbox recognises its own refunds and rejects unknown payments', async () => {
    const { id, ref } = await t.paidPayment()
    const refunded = await t.as(t.admin).post(`/payments/${id}/refunds`, { amount: 100, reason: 'x' })
    expect(refunded.status).toBe(201)
    await t.settle()
    const [, refund] = await t.entriesOf(id)
    restart()
    const sandbox = t.deps.paymentProviders.named('sandbox')!
    expect(await sandbox.getRefund(refund!.providerRef!)).toMatchObject({
      paymentRef: ref,
      amount: 100,
      currency: 'USD',
    })
    for (const unknown of ['none', `${ref}x`, 'pay-x-1-USD-nothex'])
      await expect(sandbox.getPayment(unknown)).rejects.toMatchObject({ kind: 'rejected' })
  })
})
