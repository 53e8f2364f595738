import { afterAll, describe, expect, test } from 'bun:test'
import { createJobRunner } from '../jobs/run-jobs'
import { NOW } from '../support/app'
import { createPaymentsApp } from './payments-app'
import { startStripeServer } from './providers/stripe-server'

const SECRET = 'whsec_currencies'
const SECRET_KEY = 'sk_test_currencies'
const HOUR = 3_600_000

const webhooks: string[] = []
const stripe = await startStripeServer({
  secretKey: SECRET_KEY,
  clock: () => NOW,
  onEvent: ({ rawBody }) => void webhooks.push(rawBody),
})
afterAll(() => stripe.close())
const t = await createPaymentsApp({
  CARD_PROVIDER: 'stripe',
  STRIPE_SECRET_KEY: SECRET_KEY,
  STRIPE_WEBHOOK_SECRETS: `whsec_former,${SECRET}`,
  STRIPE_BASE_URL: stripe.url,
})
const jobs = await createJobRunner(t)

async function settle(): Promise<void> {
  do {
    for (const rawBody of webhooks.splice(0)) {
      const signature = await stripe.sign(rawBody, SECRET, NOW)
      const headers = { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature }
      expect(await t.anonymous.post('/webhooks/payments/stripe', rawBody, { headers })).toMatchObject({ status: 204 })
    }
    await jobs.run()
  } while (webhooks.length > 0)
}

/** An appointment at a clinic with this currency, so soon that a cancellation is late and refunds only a share. */
async function booked(currency: string, priceAmount: number) {
  const clinic = await t.newClinic({ currency })
  const terms = { priceAmount, priceCurrency: currency, cancellationLateRefundPercent: 33 }
  const doctor = await t.newDoctor({ clinicId: clinic.id, visitType: terms })
  const patient = await t.newPatient()
  const appointment = await t.newAppointment({ patient, doctor, startsAt: new Date(NOW.getTime() + HOUR) })
  return { patient, appointmentId: appointment.id }
}

async function paid(currency: string, priceAmount: number) {
  const { patient, appointmentId } = await booked(currency, priceAmount)
  const { body } = await t.as(patient.actor).post('/payments', { appointmentId, method: 'card' })
  const ref = String(body.clientSecret).split('_secret_')[0]!
  stripe.confirm(ref, 'succeed')
  await settle()
  return { patient, appointmentId, id: body.id as string, ref }
}

const read = async (id: string) => (await t.as(t.admin).get(`/payments/${id}`)).body
const charged = (ref: string) => stripe.findIntent(ref, { expand: { 0: 'latest_charge' } }).latest_charge

describe('currencies of card payments', () => {
  test.each([
    ['USD', 9_500, 9_500, 3_135, 3_135],
    ['JPY', 9_500, 9_500, 3_135, 3_135],
    // Three decimals, but cards accept only two: the refunded share is rounded down to a multiple of ten.
    ['KWD', 9_500, 9_500, 3_130, 3_130],
    // No decimals, but Stripe expects two.
    ['ISK', 9_500, 950_000, 3_135, 313_500],
  ])('an appointment is paid and refunded in %s', async (currency, price, atStripe, share, shareAtStripe) => {
    const { patient, appointmentId, id, ref } = await paid(currency, price)
    expect(charged(ref)).toMatchObject({ amount: atStripe, currency: currency.toLowerCase() })
    expect(await read(id)).toMatchObject({ amount: price, currency, status: 'succeeded', refundable: price })
    const quote = (await t.as(patient.actor).get(`/appointments/${appointmentId}/cancellation-quote`)).body
    expect(quote.refund).toEqual({ amount: share, currency })
    await t.as(patient.actor).put(`/appointments/${appointmentId}/cancel`)
    await settle()
    expect(await read(id)).toMatchObject({
      status: 'partially_refunded',
      refundable: price - share,
      entries: [
        { kind: 'charge', amount: price, currency },
        { kind: 'refund', amount: share, currency, status: 'succeeded' },
      ],
    })
    expect(charged(ref)).toMatchObject({ amount_refunded: shareAtStripe })
  })

  test('a price that cards cannot represent is refused for card payment and accepted for cash', async () => {
    const { patient, appointmentId } = await booked('KWD', 9_505)
    const client = t.as(patient.actor)
    expect(await client.post('/payments', { appointmentId, method: 'card' })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'method' }] },
    })
    expect(await client.post('/payments', { appointmentId, method: 'cash' })).toMatchObject({ status: 201 })
  })

  test('a refund amount that cards cannot represent is refused', async () => {
    const { id } = await paid('KWD', 9_500)
    const refused = await t.as(t.admin).post(`/payments/${id}/refunds`, { amount: 1_005, reason: 'x' })
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: 'amount' }] } })
  })
})

describe('a refund at Stripe', () => {
  test('a Stripe refund that fails days later can be made again', async () => {
    const { id, ref } = await paid('USD', 9_500)
    await t.as(t.admin).post(`/payments/${id}/refunds`, { reason: 'Closed early' })
    await settle()
    expect(await read(id)).toMatchObject({ status: 'refunded', refundable: 0 })
    const [refund] = await t.db
      .selectFrom('paymentEntries')
      .select('providerRef')
      .where('paymentId', '=', id)
      .where('kind', '=', 'refund')
      .execute()
    stripe.failRefund(refund!.providerRef!)
    await settle()
    expect(await read(id)).toMatchObject({
      status: 'succeeded',
      refundable: 9_500,
      entries: [{ kind: 'charge' }, { kind: 'refund', status: 'failed' }],
    })
    await t.as(t.admin).post(`/payments/${id}/refunds`, { reason: 'Once more' })
    await settle()
    expect(await read(id)).toMatchObject({ status: 'refunded', refundable: 0 })
    expect(charged(ref)).toMatchObject({ amount_refunded: 9_500 })
  })

  test('a Stripe refund that fails after a second payment does not block the second payment', async () => {
    const { id, patient, appointmentId } = await paid('USD', 9_500)
    await t.as(t.admin).post(`/payments/${id}/refunds`, { reason: 'Wrong card' })
    await settle()
    const second = await t.as(patient.actor).post('/payments', { appointmentId, method: 'cash' })
    expect(second.status).toBe(201)
    const [refund] = await t.db
      .selectFrom('paymentEntries')
      .select('providerRef')
      .where('paymentId', '=', id)
      .where('kind', '=', 'refund')
      .execute()
    stripe.failRefund(refund!.providerRef!)
    await settle()
    expect(await read(id)).toMatchObject({ status: 'succeeded', refundable: 9_500 })
    expect(await read(second.body.id)).toMatchObject({ status: 'pending' })
    await t.as(t.admin).put(`/payments/${second.body.id}/mark-paid`)
    expect(await read(second.body.id)).toMatchObject({ status: 'succeeded' })
  })
})
