import { beforeEach, describe, expect, test } from 'bun:test'
import { releaseAtProvider } from '../../src/payments/card'
import { assembleProviders } from '../../src/payments/providers/providers'
import { sendRefund } from '../../src/payments/refunds/service'
import { sweepPayments } from '../../src/payments/sweeper'
import { NOW } from '../support/app'
import { createCardApp } from './card-app'

const t = await createCardApp()
const configured = t.deps.paymentProviders
const forget = () => Object.assign(t.deps, { paymentProviders: { ...configured, ...assembleProviders(undefined) } })
const configure = () => Object.assign(t.deps, { paymentProviders: configured })
beforeEach(() => {
  t.clock.set(NOW)
  configure()
})

const oneSecondAfter = (time: Date) => new Date(time.getTime() + 1_000)

/** Sweeps at each time that is due, and returns the pauses. */
async function pausesOf(nextAttempt: () => Promise<Date | null>, count: number) {
  const pauses: number[] = []
  while (pauses.length < count) {
    const next = (await nextAttempt())!
    pauses.push(next.getTime() - t.clock.now().getTime())
    await sweepPayments(t.deps)
    expect(await nextAttempt()).toEqual(next)
    t.clock.set(oneSecondAfter(next))
    await sweepPayments(t.deps)
  }
  return pauses
}

describe('work for a provider that is no longer configured', () => {
  test('a refund is tried again after growing pauses, and made once the provider is configured again', async () => {
    const { id, ref } = await t.paidPayment()
    await t.as(t.admin).post(`/payments/${id}/refunds`, { amount: 1000, reason: 'x' })
    const refund = async () => (await t.entriesOf(id)).find(({ kind }) => kind === 'refund')!
    forget()
    await sendRefund(t.deps, (await refund()).id)
    const pauses = await pausesOf(async () => (await refund()).retryAt, 10)
    expect([...pauses.slice(0, 3), pauses.at(-1)]).toEqual([15_000, 30_000, 60_000, 3_600_000])
    expect(await refund()).toMatchObject({ status: 'pending', attempts: 11 })
    configure()
    t.clock.set(oneSecondAfter((await refund()).retryAt!))
    await sweepPayments(t.deps)
    expect((await refund()).status).toBe('succeeded')
    expect((await t.payers.getPayment(ref)).refunded).toBe(1000)
    await t.settle()
  })

  test('a release is tried again after growing pauses, and made once the provider is configured again', async () => {
    const { id, ref, patient, appointmentId } = await t.cardPayment()
    await t.as(patient.actor).put(`/appointments/${appointmentId}/cancel`)
    const payment = async () => (await t.paymentsOf(appointmentId))[0]!
    forget()
    await releaseAtProvider(t.deps, id)
    const pauses = await pausesOf(async () => (await payment()).releaseRetryAt, 4)
    expect(pauses).toEqual([15_000, 30_000, 60_000, 120_000])
    configure()
    t.clock.set(oneSecondAfter((await payment()).releaseRetryAt!))
    await sweepPayments(t.deps)
    expect((await payment()).providerStatus).toBe('cancelled')
    expect((await t.payers.getPayment(ref)).status).toBe('cancelled')
  })

  test('copies that fail to send a refund at the same time count one attempt', async () => {
    const { id } = await t.paidPayment()
    await t.as(t.admin).post(`/payments/${id}/refunds`, { amount: 1000, reason: 'x' })
    const refund = async () => (await t.entriesOf(id)).find(({ kind }) => kind === 'refund')!
    forget()
    const refundId = (await refund()).id
    await Promise.all(Array.from({ length: 4 }, () => sendRefund(t.deps, refundId)))
    expect((await refund()).attempts).toBe(1)
  })
})
