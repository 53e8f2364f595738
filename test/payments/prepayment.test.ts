import { describe, expect, test } from 'bun:test'
import { expireHolds } from '../../src/appointments/holds/service'
import { sweepPayments } from '../../src/payments/sweeper'
import { addDays } from '../../src/scheduling/local-time'
import { NOW } from '../support/app'
import { createCardApp } from './card-app'

const t = await createCardApp()
const { admin, jobs, payers, read, refOf, settle, takeWebhooks } = t
const ROUNDS = process.env.TEST_SCALE === 'full' ? 200 : 3
const MINUTE = 60_000
const HOLD = t.deps.config.holdMinutes * MINUTE
const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '09:00', end: '18:00' }))

const doctor = await t.newDoctor({
  clinicId: t.clinic.id,
  weekly: everyDay,
  visitType: { requiresPrepayment: true, minimumNoticeMinutes: 60, horizonDays: 365 },
})
let slots = 0
/** A start that is used once, from 8 January 2026 on. */
function newStart(): string {
  const day = addDays('2026-01-08', Math.floor(slots / 16))
  return new Date(Date.parse(`${day}T14:00:00Z`) + (slots++ % 16) * 30 * MINUTE).toISOString()
}

async function held(startsAt = newStart()) {
  const patient = await t.newPatient()
  const client = t.as(patient.actor)
  const booked = await client.post('/appointments', { doctorId: doctor.id, startsAt })
  if (booked.status !== 201) throw new Error(JSON.stringify(booked.body))
  return { patient, client, id: booked.body.id as string, appointment: booked.body, startsAt }
}

async function heldAndPaying(startsAt?: string) {
  const hold = await held(startsAt)
  const { body } = await hold.client.post('/payments', { appointmentId: hold.id, method: 'card' })
  return { ...hold, paymentId: body.id as string, ref: await refOf(body.id) }
}

const statusOf = async ({ client, id }: Awaited<ReturnType<typeof held>>) =>
  (await client.get(`/appointments/${id}`)).body.status
const book = async (startsAt: string) => {
  const { actor } = await t.newPatient()
  return t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt })
}

/** Advances the clock past the hold and runs the task that expires holds. */
async function lapse(): Promise<void> {
  t.clock.advance(HOLD)
  await expireHolds(t.deps, t.clock.now())
}

describe('visit types with prepayment', () => {
  test('an appointment that requires prepayment is held at first, and booked by its payment', async () => {
    const hold = await heldAndPaying()
    expect(hold.appointment).toMatchObject({ status: 'held', holdExpiresAt: expect.any(String) })
    payers.pay(hold.ref, 'succeed')
    await settle()
    expect(await statusOf(hold)).toBe('booked')
    expect(await read(hold.paymentId)).toMatchObject({ status: 'succeeded', resolution: 'confirmed' })
    await lapse()
    expect(await statusOf(hold)).toBe('booked')
    expect(await book(hold.startsAt)).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
    t.clock.set(NOW)
  })

  test('a hold that requires prepayment is booked when its cash payment is marked as paid', async () => {
    const hold = await held()
    const { body } = await hold.client.post('/payments', { appointmentId: hold.id, method: 'cash' })
    const paid = await t.as(admin).put(`/payments/${body.id}/mark-paid`)
    expect(paid).toMatchObject({ status: 200, body: { status: 'succeeded', resolution: 'confirmed' } })
    expect(await statusOf(hold)).toBe('booked')
  })

  test('a hold that requires prepayment cannot be confirmed without payment', async () => {
    const hold = await held()
    expect(await hold.client.put(`/appointments/${hold.id}/confirm`)).toMatchObject({
      status: 409,
      body: { code: 'invalid_state' },
    })
    expect(await statusOf(hold)).toBe('held')
  })

  test('a free visit is booked at once even when its visit type requires prepayment', async () => {
    const free = await t.newDoctor({
      clinicId: t.clinic.id,
      visitType: { requiresPrepayment: true, priceAmount: 0 },
    })
    const { actor } = await t.newPatient()
    const booked = await t.as(actor).post('/appointments', { doctorId: free.id, startsAt: '2026-01-06T15:00:00Z' })
    expect(booked).toMatchObject({ status: 201, body: { status: 'booked' } })
  })

  test('a patient can have three unpaid holds at the same time, and a fourth is refused', async () => {
    const { actor } = await t.newPatient()
    const answers = []
    for (let i = 0; i < 4; i++)
      answers.push(await t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt: newStart() }))
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 409])
    expect(answers[3]!.body.code).toBe('invalid_state')
  })

  test('an unpaid hold expires, and its payment is cancelled here and at the provider', async () => {
    const hold = await heldAndPaying()
    await lapse()
    expect(await statusOf(hold)).toBe('expired')
    expect(await read(hold.paymentId)).toMatchObject({ status: 'cancelled', resolution: null })
    await settle()
    expect((await payers.getPayment(hold.ref)).status).toBe('cancelled')
    expect(await book(hold.startsAt)).toMatchObject({ status: 201 })
    t.clock.set(NOW)
  })

  test('a payment with a declined card is cancelled when its hold expires', async () => {
    const hold = await heldAndPaying()
    payers.pay(hold.ref, 'fail')
    await settle()
    await lapse()
    await settle()
    expect((await payers.getPayment(hold.ref)).status).toBe('cancelled')
    expect(await read(hold.paymentId)).toMatchObject({ status: 'cancelled' })
    t.clock.set(NOW)
  })
})

describe('payment of an expired hold', () => {
  test('a late payment books the same slot again while it is free', async () => {
    for (const swept of [true, false]) {
      const hold = await heldAndPaying()
      payers.pay(hold.ref, 'succeed')
      if (swept) await lapse()
      else t.clock.advance(HOLD)
      await settle()
      expect(await statusOf(hold)).toBe('booked')
      expect(await read(hold.paymentId)).toMatchObject({ status: 'succeeded', resolution: 'rebooked' })
      expect(await book(hold.startsAt)).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
      const kinds = await t.db
        .selectFrom('occupancy')
        .select(['kind', 'expiresAt'])
        .where('appointmentId', '=', hold.id)
        .orderBy('kind')
        .execute()
      expect(kinds).toEqual([
        { kind: 'doctor', expiresAt: null },
        { kind: 'patient', expiresAt: null },
      ])
      t.clock.set(NOW)
    }
  })

  test('a late payment books the same slot again even inside the minimum notice', async () => {
    const hold = await heldAndPaying()
    payers.pay(hold.ref, 'succeed')
    t.clock.set(new Date(Date.parse(hold.startsAt) - MINUTE))
    await settle()
    expect(await statusOf(hold)).toBe('booked')
    t.clock.set(NOW)
  })

  test('a late payment is refunded when another patient has the slot', async () => {
    const hold = await heldAndPaying()
    payers.pay(hold.ref, 'succeed')
    await lapse()
    expect(await book(hold.startsAt)).toMatchObject({ status: 201 })
    await settle()
    expect(await statusOf(hold)).toBe('expired')
    expect(await read(hold.paymentId)).toMatchObject({
      status: 'refunded',
      refundable: 0,
      resolution: 'refunded_slot_lost',
      entries: [{ kind: 'charge' }, { kind: 'refund', amount: 9500, status: 'succeeded', reason: 'hold_ended' }],
    })
    expect((await payers.getPayment(hold.ref)).refunded).toBe(9500)
    t.clock.set(NOW)
  })

  test('a late payment is refunded when the patient is busy at that time', async () => {
    const hold = await heldAndPaying()
    payers.pay(hold.ref, 'succeed')
    await lapse()
    const other = await t.newDoctor({ clinicId: t.clinic.id, weekly: everyDay })
    const busy = await hold.client.post('/appointments', { doctorId: other.id, startsAt: hold.startsAt })
    expect(busy.status).toBe(201)
    await settle()
    expect(await read(hold.paymentId)).toMatchObject({ resolution: 'refunded_slot_lost', refundable: 0 })
    t.clock.set(NOW)
  })

  test('a late payment is refunded when the visit would already have begun', async () => {
    const hold = await heldAndPaying()
    payers.pay(hold.ref, 'succeed')
    t.clock.set(hold.startsAt)
    await settle()
    expect(await read(hold.paymentId)).toMatchObject({ resolution: 'refunded_slot_lost', refundable: 0 })
    t.clock.set(NOW)
  })

  test('a late payment is refunded when the doctor is off at that time', async () => {
    const hold = await heldAndPaying()
    payers.pay(hold.ref, 'succeed')
    const off = { startsAt: hold.startsAt, endsAt: new Date(Date.parse(hold.startsAt) + 30 * MINUTE), kind: 'off' }
    expect(await t.as(doctor.actor).post('/doctors/availability/exceptions', off)).toMatchObject({ status: 201 })
    await lapse()
    await settle()
    expect(await read(hold.paymentId)).toMatchObject({ resolution: 'refunded_slot_lost', refundable: 0 })
    t.clock.set(NOW)
  })

  test('a late payment with a lost webhook is found when the payment is cancelled at the provider', async () => {
    const hold = await heldAndPaying()
    payers.pay(hold.ref, 'succeed')
    await takeWebhooks()
    await lapse()
    await jobs.run()
    expect(await read(hold.paymentId)).toMatchObject({ status: 'succeeded', resolution: 'rebooked' })
    t.clock.set(NOW)
  })

  test('a late cash payment is refused when the slot is taken', async () => {
    const hold = await held()
    const { body } = await hold.client.post('/payments', { appointmentId: hold.id, method: 'cash' })
    t.clock.advance(HOLD)
    expect(await book(hold.startsAt)).toMatchObject({ status: 201 })
    const paid = await t.as(admin).put(`/payments/${body.id}/mark-paid`)
    expect(paid).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect(await read(body.id)).toMatchObject({ status: 'cancelled', entries: [] })
    t.clock.set(NOW)
  })
})

describe('payment that races with the expiry of its hold', () => {
  test('a payment that races with the expiry of its hold either books the slot or is refunded', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const hold = await heldAndPaying()
      payers.pay(hold.ref, 'succeed')
      const [delivery] = await takeWebhooks()
      await t.deliver(delivery!)
      t.clock.advance(round % 2 ? HOLD : HOLD - 1)
      const [, , rival] = await Promise.all([
        jobs.run(),
        expireHolds(t.deps, new Date(t.clock.now().getTime() + 1)),
        book(hold.startsAt),
      ])
      await settle()
      const [status, payment] = [await statusOf(hold), await read(hold.paymentId)]
      expect([201, 409]).toContain(rival.status)
      const rivalHolds = rival.status === 201
      expect(status).toBe(rivalHolds ? 'expired' : 'booked')
      expect(payment.refundable).toBe(rivalHolds ? 0 : 9500)
      expect(payment.resolution).toMatch(rivalHolds ? /^refunded_slot_lost$/ : /^(confirmed|rebooked)$/)
      expect((await payers.getPayment(hold.ref)).refunded).toBe(rivalHolds ? 9500 : 0)
      const holders = await t.db
        .selectFrom('appointments')
        .select('id')
        .where('startsAt', '=', new Date(hold.startsAt))
        .where('status', 'in', ['booked', 'held'])
        .execute()
      expect(holders).toHaveLength(1)
      t.clock.set(NOW)
    }
  }, 300_000)
})

describe('payment sweeper', () => {
  test('the sweeper cancels a card payment that was started more than a day ago', async () => {
    const payment = await t.cardPayment()
    t.clock.advance(24 * 60 * MINUTE + 1)
    await sweepPayments(t.deps)
    await settle()
    expect(await read(payment.id)).toMatchObject({ status: 'cancelled' })
    expect((await payers.getPayment(payment.ref)).status).toBe('cancelled')
    const again = { appointmentId: payment.appointmentId, method: 'card' }
    t.clock.set(NOW)
    expect(await t.as(payment.patient.actor).post('/payments', again)).toMatchObject({ status: 201 })
  })

  test('a payment whose provider answer was lost is cancelled at the provider too', async () => {
    const hold = await held()
    payers.disturb('answer_lost')
    const before = payers.count().payments
    await hold.client.post('/payments', { appointmentId: hold.id, method: 'card' })
    await lapse()
    await settle()
    const [stored] = await t.paymentsOf(hold.id)
    expect(stored).toMatchObject({ status: 'cancelled', providerStatus: 'cancelled' })
    expect((await payers.getPayment(stored!.providerRef!)).status).toBe('cancelled')
    expect(payers.count().payments).toBe(before + 1)
    t.clock.set(NOW)
  })

  test('the sweeper repeats the work of lost payment jobs', async () => {
    const paid = await t.paidPayment()
    const hold = await heldAndPaying()
    const event = await heldAndPaying()
    payers.pay(event.ref, 'succeed')
    for (const delivery of await takeWebhooks()) await t.deliver(delivery)
    await t.as(admin).post(`/payments/${paid.id}/refunds`, { reason: 'x', amount: 100 })
    await t.as(hold.patient.actor).put(`/appointments/${hold.id}/cancel`)
    for (const name of ['payments.event', 'payments.refund', 'payments.release'] as const)
      await jobs.boss.deleteAllJobs(name)
    expect(await sweepPayments(t.deps)).toBe(0)
    t.clock.advance(MINUTE + 1)
    expect(await sweepPayments(t.deps)).toBe(3)
    expect((await payers.getPayment(paid.ref)).refunded).toBe(100)
    expect((await payers.getPayment(hold.ref)).status).toBe('cancelled')
    expect(await read(event.paymentId)).toMatchObject({ status: 'succeeded', resolution: 'confirmed' })
    await settle()
    t.clock.set(NOW)
    expect(await sweepPayments(t.deps)).toBe(0)
  })
})
