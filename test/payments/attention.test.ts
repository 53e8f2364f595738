import { beforeEach, describe, expect, test } from 'bun:test'
import { assembleProviders } from '../../src/payments/providers/providers'
import { sendRefund } from '../../src/payments/refunds/service'
import { NOW } from '../support/app'
import { createCardApp } from './card-app'

const t = await createCardApp()
const { admin, doctor, paidPayment, payers, read } = t
const configured = t.deps.paymentProviders
beforeEach(() => {
  t.clock.set(NOW)
  Object.assign(t.deps, { paymentProviders: configured })
})

const refund = (id: string, amount: number) => t.as(admin).post(`/payments/${id}/refunds`, { amount, reason: 'x' })
const clear = (id: string) => t.as(admin).put(`/payments/${id}/clear-attention`)

async function listed(actor: Parameters<typeof t.as>[0] = admin): Promise<string[]> {
  const { status, body } = await t.as(actor).get('/payments', { query: { needsAttention: 'true', limit: 100 } })
  expect(status).toBe(200)
  return body.data.map(({ id }: { id: string }) => id)
}

/** A payment whose refund the provider has refused: all but 500 was refunded in the dashboard, without a webhook. */
async function refusedRefund() {
  const payment = await paidPayment()
  const refundId = crypto.randomUUID()
  const dashboard = { ref: payment.ref, refundId, amount: 9000, currency: 'USD', idempotencyKey: refundId }
  await payers.refund({ ...dashboard, reason: 'other' })
  await t.takeWebhooks()
  await refund(payment.id, 1000)
  await t.jobs.run()
  return payment
}

async function park(values: { paymentRef?: string; snapshot?: Record<string, unknown> }) {
  const event = { provider: 'sandbox', name: 'x', type: 'payment', occurredAt: NOW, receivedAt: NOW } as const
  const id = crypto.randomUUID()
  await t.db
    .insertInto('paymentEvents')
    .values({ ...event, ...values, id, eventId: id, processedAt: NOW, needsAttention: true })
    .execute()
}

describe('payments that need attention', () => {
  test('a refused refund is listed with its payment until later refunds reach its amount', async () => {
    const { id } = await refusedRefund()
    expect(await read(id)).toMatchObject({ attention: ['refund_refused'] })
    expect(await listed()).toContain(id)
    await refund(id, 400)
    expect(await listed()).toContain(id)
    await t.db.updateTable('paymentEntries').set({ status: 'succeeded' }).where('amount', '=', 400).execute()
    await refund(id, 600)
    expect(await listed()).not.toContain(id)
    expect(await read(id)).not.toHaveProperty('attention')
  })

  test('a parked event is listed with its payment, by the id of the provider or ours', async () => {
    const [byRef, byId, neither] = [await paidPayment(), await paidPayment(), await paidPayment()]
    await park({ paymentRef: byRef.ref, snapshot: { broken: true } })
    await park({ snapshot: { paymentId: byId.id } })
    await park({ paymentRef: 'unknown', snapshot: { paymentId: 'no id' } })
    const ids = await listed()
    expect([ids.includes(byRef.id), ids.includes(byId.id), ids.includes(neither.id)]).toEqual([true, true, false])
    expect((await read(byRef.id)).attention).toEqual(['event_not_applied'])
  })

  test('a refund or release that fails for the third time is listed until it is sent', async () => {
    const [refunded, released] = [await paidPayment(), await t.cardPayment()]
    await refund(refunded.id, 1000)
    await t.as(released.patient.actor).put(`/appointments/${released.appointmentId}/cancel`)
    const entry = (await t.entriesOf(refunded.id)).find(({ kind }) => kind === 'refund')!
    Object.assign(t.deps, { paymentProviders: { ...configured, ...assembleProviders(undefined) } })
    for (let hour = 0; hour < 3; hour++) {
      expect(await listed()).not.toContain(refunded.id)
      t.clock.set(new Date(NOW.getTime() + hour * 3_600_000))
      await sendRefund(t.deps, entry.id)
      await t.jobs.run()
    }
    await t.db.updateTable('payments').set({ releaseAttempts: 3 }).where('id', '=', released.id).execute()
    expect((await read(refunded.id)).attention).toEqual(['refund_not_sent'])
    expect((await read(released.id)).attention).toEqual(['release_not_sent'])
    expect((await clear(refunded.id)).body.attention).toEqual(['refund_not_sent'])
    Object.assign(t.deps, { paymentProviders: configured })
    t.clock.set(new Date(NOW.getTime() + 4 * 3_600_000))
    await sendRefund(t.deps, entry.id)
    expect(await listed()).not.toContain(refunded.id)
    await t.settle()
  })

  test('an admin clears the attention of a payment, audited with what it was', async () => {
    const { id, ref, patient } = await refusedRefund()
    await park({ paymentRef: ref })
    for (let i = 0; i < 2; i++) {
      const { status, body } = await clear(id)
      expect([status, body.id, body.attention]).toEqual([200, id, undefined])
    }
    expect(await listed()).not.toContain(id)
    const events = (await t.auditOf(id)).filter(({ kind }) => kind === 'payment.clear_attention')
    expect(events).toMatchObject([
      { actorId: admin.userId, patientIds: [patient.id], detail: { attention: 'event_not_applied refund_refused' } },
      { actorId: admin.userId, patientIds: [patient.id], detail: { attention: '' } },
    ])
  })

  test('a later refused refund needs attention again', async () => {
    const { id } = await refusedRefund()
    await clear(id)
    await refund(id, 2000)
    await t.jobs.run()
    expect((await read(id)).attention).toEqual(['refund_refused'])
  })

  test('only admins see what needs attention', async () => {
    const { id, patient } = await refusedRefund()
    for (const { actor } of [patient, doctor]) {
      expect(await listed(actor)).toEqual([])
      expect((await t.as(actor).get(`/payments/${id}`)).body).not.toHaveProperty('attention')
      const { body } = await t.as(actor).get('/payments')
      expect(body.data.map((payment: object) => 'attention' in payment)).not.toContain(true)
      expect((await t.as(actor).put(`/payments/${id}/clear-attention`)).status).toBe(403)
    }
  })
})
