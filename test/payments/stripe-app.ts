import { afterAll } from 'bun:test'
import { createJobRunner } from '../jobs/run-jobs'
import { createPaymentsApp } from './payments-app'
import { startStripeServer } from './providers/stripe-server'

const SECRET = 'whsec_tests'
const SECRET_KEY = 'sk_test_tests'

/** An app with Stripe on loopback as card provider. The test acts as the payer and delivers the webhooks. */
export async function createStripeApp() {
  const webhooks: string[] = []
  let clock = () => new Date()
  const stripe = await startStripeServer({
    secretKey: SECRET_KEY,
    clock: () => clock(),
    onEvent: ({ rawBody }) => void webhooks.push(rawBody),
  })
  afterAll(() => stripe.close())
  const t = await createPaymentsApp({
    CARD_PROVIDER: 'stripe',
    STRIPE_SECRET_KEY: SECRET_KEY,
    STRIPE_WEBHOOK_SECRETS: `whsec_former,${SECRET}`,
    STRIPE_BASE_URL: stripe.url,
  })
  clock = t.clock.now
  const jobs = await createJobRunner(t)

  /** Delivers all webhooks and runs their jobs. */
  async function settle(): Promise<void> {
    do {
      for (const rawBody of webhooks.splice(0)) {
        const signature = await stripe.sign(rawBody, SECRET, t.clock.now())
        const headers = { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature }
        const { status } = await t.anonymous.post('/webhooks/payments/stripe', rawBody, { headers })
        if (status !== 204) throw new Error(`a webhook was answered ${status}`)
      }
      await jobs.run()
    } while (webhooks.length > 0)
  }

  /** A pending card payment. */
  async function cardPayment(terms: Parameters<typeof t.booking>[0] = {}) {
    const { patient, appointmentId } = await t.booking(terms)
    const { body } = await t.as(patient.actor).post('/payments', { appointmentId, method: 'card' })
    const ref = String(body.clientSecret).split('_secret_')[0]!
    return { id: body.id as string, ref, appointmentId, patient }
  }

  /** Drops the webhooks that Stripe has sent. */
  const loseWebhooks = () => void webhooks.splice(0)
  const read = async (id: string) => (await t.as(t.admin).get(`/payments/${id}`)).body

  return { ...t, stripe, jobs, settle, loseWebhooks, cardPayment, read }
}
