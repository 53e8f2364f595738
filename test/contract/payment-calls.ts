import { signWebhook } from '../../src/payments/providers/webhook-signature'
import { TEST_ENVIRONMENT } from '../support/environment'
import type { Call, Entry } from './call'
import type { World } from './world'

const ofPayment = async (world: World): Promise<Call> => ({ path: { id: (await world.newPayment()).id } })

async function ofPaidPayment(world: World): Promise<Call> {
  const { id } = await world.newPayment()
  await world.t.as(world.owner.admin).put(`/payments/${id}/mark-paid`)
  return { path: { id } }
}

/** A webhook of an unknown kind, signed as the sandbox does. */
async function ofWebhook({ t }: World): Promise<Call> {
  const body = { id: `evt_${crypto.randomUUID()}`, name: 'ping', occurredAt: t.clock.now().toISOString() }
  const signature = await signWebhook(TEST_ENVIRONMENT.SANDBOX_WEBHOOK_SECRET, JSON.stringify(body), t.clock.now())
  return {
    path: { provider: 'sandbox' },
    body,
    headers: { 'content-type': 'application/json', 'sandbox-signature': signature },
  }
}

export const PAYMENT_CALLS: Record<string, Entry> = {
  'POST /payments': {
    call: async (world) => ({ body: { appointmentId: (await world.newAppointment()).id, method: 'cash' } }),
    strangers: { patient: 404 },
  },
  'GET /payments': {
    call: async (world) => ({ query: { appointmentId: (await world.newPayment()).appointmentId } }),
    strangers: { patient: 'empty', doctor: 'empty' },
  },
  'GET /payments/{id}': { call: ofPayment, strangers: { patient: 404, doctor: 404 } },
  'GET /payments/{id}/receipt': { call: ofPaidPayment, strangers: { patient: 404 } },
  'PUT /payments/{id}/mark-paid': { call: ofPayment, strangers: 'none' },
  'PUT /payments/{id}/clear-attention': { call: ofPayment, strangers: 'none' },
  'POST /payments/{id}/refunds': {
    call: async (world) => ({ ...(await ofPaidPayment(world)), body: { amount: 100, reason: 'Too long a wait' } }),
    strangers: 'none',
  },
  'POST /webhooks/payments/{provider}': { call: ofWebhook, strangers: 'none' },
}
