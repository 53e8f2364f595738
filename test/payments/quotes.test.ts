import { describe, expect, test } from 'bun:test'
import { NOW } from '../support/app'
import { createCardApp } from './card-app'
import { pay } from './payments-app'

const t = await createCardApp()
const { admin, payers, read, settle } = t
const HOUR = 3_600_000
const PRICE = 10_061

let days = 0
async function booking(currency: string, status: 'booked' | 'held' = 'booked') {
  const clinic = await t.newClinic({ currency })
  const terms = { priceAmount: PRICE, priceCurrency: currency, cancellationLateRefundPercent: 10 }
  const doctor = await t.newDoctor({ clinicId: clinic.id, visitType: terms })
  const patient = await t.newPatient()
  const startsAt = new Date(NOW.getTime() + 240 * HOUR + ++days * 24 * HOUR)
  const { id } = await t.newAppointment({ patient, doctor, startsAt, status })
  return { id, patient, doctor, startsAt }
}
type Booking = Awaited<ReturnType<typeof booking>>

const start = async ({ id, patient }: Booking, method: 'card' | 'cash') =>
  (await t.as(patient.actor).post('/payments', { ...pay(id), method })).body.id as string
const atProvider = async (id: string, outcome: Parameters<typeof payers.pay>[1]) => {
  payers.pay(await t.refOf(id), outcome)
  await settle()
}
const refund = async (id: string, amount?: number) => {
  const answer = await t
    .as(admin)
    .post(`/payments/${id}/refunds`, { reason: 'Shorter visit', ...(amount && { amount }) })
  expect(answer.status).toBe(201)
}
const markPaid = (id: string) => t.as(admin).put(`/payments/${id}/mark-paid`)

/** What happened to the payments of an appointment before its cancellation. */
const PAYMENTS: Record<string, (booked: Booking) => Promise<unknown>> = {
  'nothing was paid': async () => {},
  'a card payment is pending': (booked) => start(booked, 'card'),
  'a card payment waits for an action': async (booked) => atProvider(await start(booked, 'card'), 'require_action'),
  'a card payment failed': async (booked) => atProvider(await start(booked, 'card'), 'fail'),
  'a card payment is processing': async (booked) => atProvider(await start(booked, 'card'), 'process'),
  'a payment at the desk is pending': (booked) => start(booked, 'cash'),
  'it was paid by card': async (booked) => atProvider(await start(booked, 'card'), 'succeed'),
  'it was paid at the desk': async (booked) => markPaid(await start(booked, 'cash')),
  'a part was refunded at the desk': async (booked) => {
    const id = await start(booked, 'cash')
    await markPaid(id)
    await refund(id, 820)
  },
  'a part was refunded by card': async (booked) => {
    const id = await start(booked, 'card')
    await atProvider(id, 'succeed')
    await refund(id, 820)
    await settle()
  },
  'a partial refund is on its way': async (booked) => {
    const id = await start(booked, 'card')
    await atProvider(id, 'succeed')
    await refund(id, 820)
  },
  'more than the late share was refunded': async (booked) => {
    const id = await start(booked, 'card')
    await atProvider(id, 'succeed')
    await refund(id, 5_000)
  },
  'it was refunded and paid again': async (booked) => {
    const id = await start(booked, 'card')
    await atProvider(id, 'succeed')
    await refund(id)
    await settle()
    await markPaid(await start(booked, 'cash'))
  },
}

const CALLERS = ['the patient in time', 'the patient late', 'the doctor late', 'an admin late'] as const

async function refunded({ id }: Booking): Promise<number> {
  const payments = await t.paymentsOf(id)
  const shown = await Promise.all(payments.map((payment) => read(payment.id)))
  for (const [i, { entries }] of shown.entries()) {
    const refunds = entries.filter((entry: { kind: string }) => entry.kind === 'refund')
    expect(refunds.reduce((sum: number, { amount }: { amount: number }) => sum + amount, 0)).toBe(
      payments[i]!.refundedAmount,
    )
  }
  return payments.reduce((sum, payment) => sum + payment.refundedAmount, 0)
}

describe('a cancellation quote', () => {
  test.each(Object.keys(PAYMENTS).flatMap((what) => CALLERS.map((caller) => [what, caller] as const)))(
    'is the refund that then happens: %s, %s',
    async (what, caller) => {
      t.clock.set(NOW)
      const booked = await booking('USD')
      await PAYMENTS[what]!(booked)
      const actor = { patient: booked.patient.actor, doctor: booked.doctor.actor, admin }[
        caller.includes('patient') ? 'patient' : caller.includes('doctor') ? 'doctor' : 'admin'
      ]
      const inTime = caller === 'the patient in time'
      if (!inTime) t.clock.set(new Date(booked.startsAt.getTime() - HOUR))
      const before = await refunded(booked)
      const share = caller === 'the patient late' ? 1_006 : PRICE
      const { body } = await t.as(actor).get(`/appointments/${booked.id}/cancellation-quote`)
      expect(body).toMatchObject({
        allowed: true,
        policyShare: { amount: share, currency: 'USD' },
        alreadyRefunded: { amount: before, currency: 'USD' },
      })
      expect(await t.as(actor).put(`/appointments/${booked.id}/cancel`)).toMatchObject({ status: 200 })
      await settle()
      expect((await refunded(booked)) - before).toBe(body.refund.amount)
      t.clock.set(NOW)
    },
  )

  test('names what goes back after a partial refund, beside the share of the policy and what was refunded', async () => {
    const booked = await booking('USD')
    await PAYMENTS['a part was refunded by card']!(booked)
    t.clock.set(new Date(booked.startsAt.getTime() - HOUR))
    const { body } = await t.as(booked.patient.actor).get(`/appointments/${booked.id}/cancellation-quote`)
    expect([body.policyShare.amount, body.alreadyRefunded.amount, body.refund.amount]).toEqual([1_006, 820, 186])
    t.clock.set(NOW)
  })
})
