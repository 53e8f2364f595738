import { describe, expect, test } from 'bun:test'
import { offer } from '../../src/payments/providers/providers'
import { createSandbox } from '../../src/payments/providers/sandbox'
import { sweepPayments } from '../../src/payments/sweeper'
import { receiveWebhook } from '../../src/payments/webhooks/service'
import { NOW } from '../support/app'
import { createCardApp } from './card-app'

const t = await createCardApp()
const DAY = 86_400_000

/** The API starts again, as at each save under `bun dev`: a sandbox that remembers nothing, and whose timers are new. */
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
  Object.assign(t.deps, { paymentProviders: { ...offer(sandbox), sandbox, close: () => {} } })
  return async () => {
    do {
      while (underway.length > 0) await Promise.all(underway.splice(0))
    } while ((await t.jobs.run()) > 0 || underway.length > 0)
  }
}

describe('the sandbox after a restart', () => {
  test('gives back what was paid before', async () => {
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
  ])('has the payer of a payment of %i find it %s', async (priceAmount, status) => {
    const { id, patient } = await t.cardPayment({ priceAmount })
    const settle = restart()
    const asked = await t.as(patient.actor).get(`/payments/${id}`)
    expect(asked.body).toMatchObject({ status: 'pending', clientSecret: expect.any(String) })
    await settle()
    expect(await t.read(id)).toMatchObject({ status })
  })

  test('says of a payment that nobody asked for whether it is too late to give it up', async () => {
    const { id } = await t.cardPayment()
    const settle = restart()
    t.clock.advance(DAY + 1)
    await sweepPayments(t.deps)
    await settle()
    expect(await t.read(id)).toMatchObject({ status: 'succeeded', refundable: 9_500 })
    t.clock.set(NOW)
  })

  test('knows its refunds again, and nothing that it never made', async () => {
    const { id, ref } = await t.paidPayment()
    await t.as(t.admin).post(`/payments/${id}/refunds`, { amount: 100, reason: 'x' })
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
