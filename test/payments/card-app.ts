import { afterAll } from 'bun:test'
import { assembleProviders } from '../../src/payments/providers/providers'
import { createSandbox } from '../../src/payments/providers/sandbox'
import { SIGNATURE_HEADER, type WebhookDelivery } from '../../src/payments/providers/sandbox-webhooks'
import { signWebhook } from '../../src/payments/providers/webhook-signature'
import { createJobRunner } from '../jobs/run-jobs'
import { NOW } from '../support/app'
import { createPaymentsApp } from './payments-app'

/**
 * An app with the sandbox card provider. The test acts as the payer (`payers.pay(ref, …)`) and delivers the webhooks
 * (`deliver(takeWebhooks())`). Jobs run when `jobs.run()` is called.
 */
export async function createCardApp(environment: Record<string, string> = {}) {
  const t = await createPaymentsApp(environment)
  const sent: WebhookDelivery[] = []
  const underway: Promise<unknown>[] = []
  const payers = createSandbox({
    clock: t.clock.now,
    webhookSecrets: ['sandbox-test-secret', 'sandbox-former-secret'],
    deliver: async (delivery) => void sent.push(delivery),
    automatic: false,
    schedule: (run) => {
      underway.push(Promise.resolve().then(run))
      return () => {}
    },
  })
  t.deps.paymentProviders.close()
  Object.assign(t.deps, { paymentProviders: { ...assembleProviders(payers), sandbox: payers, close: () => {} } })
  const jobs = await createJobRunner(t)
  afterAll(() => t.clock.set(NOW))

  /** The webhooks that the provider has sent since the last call. */
  async function takeWebhooks(): Promise<WebhookDelivery[]> {
    while (underway.length > 0) await Promise.all(underway.splice(0))
    return sent.splice(0)
  }

  const deliver = ({ rawBody, headers }: WebhookDelivery) =>
    t.anonymous.post('/webhooks/payments/sandbox', rawBody, { headers })

  /** A webhook with this body, signed as the provider would sign it now. */
  const sign = async (rawBody: string): Promise<WebhookDelivery> => ({
    rawBody,
    headers: {
      'content-type': 'application/json',
      [SIGNATURE_HEADER]: await signWebhook('sandbox-test-secret', rawBody, t.clock.now()),
    },
  })

  /** Delivers all webhooks and runs their jobs. */
  async function settle(): Promise<void> {
    for (;;) {
      const deliveries = await takeWebhooks()
      for (const { rawBody } of deliveries) await deliver(await sign(rawBody))
      if ((await jobs.run()) === 0 && deliveries.length === 0) return
    }
  }

  const refOf = async (id: string) => {
    const { providerRef } = await t.db
      .selectFrom('payments')
      .select('providerRef')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    return providerRef!
  }

  const entriesOf = (paymentId: string) =>
    t.db
      .selectFrom('paymentEntries')
      .selectAll()
      .where('paymentId', '=', paymentId)
      .orderBy('createdAt')
      .orderBy('id')
      .execute()

  /** A pending card payment. */
  async function cardPayment(terms: Parameters<typeof t.booking>[0] = {}, owner?: Parameters<typeof t.booking>[1]) {
    const { patient, appointmentId } = await t.booking(terms, owner)
    const { body, status } = await t.as(patient.actor).post('/payments', { appointmentId, method: 'card' })
    if (status !== 201) throw new Error(`the payment was answered ${status}: ${JSON.stringify(body)}`)
    return { id: body.id as string, ref: await refOf(body.id), appointmentId, patient }
  }

  /** A paid card payment whose webhooks were processed. */
  async function paidPayment(terms: Parameters<typeof t.booking>[0] = {}, owner?: Parameters<typeof t.booking>[1]) {
    const payment = await cardPayment(terms, owner)
    payers.pay(payment.ref, 'succeed')
    await settle()
    return payment
  }

  const read = async (id: string) => (await t.as(t.admin).get(`/payments/${id}`)).body

  return { ...t, payers, jobs, takeWebhooks, deliver, sign, settle, refOf, entriesOf, cardPayment, paidPayment, read }
}

export type CardApp = Awaited<ReturnType<typeof createCardApp>>
