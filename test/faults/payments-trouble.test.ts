import { expect, test } from 'bun:test'
import { PROVIDER_DEADLINE_MS } from '../../src/ledger/provider'
import { assembleProviders } from '../../src/payments/providers/providers'
import { createSandbox } from '../../src/payments/providers/sandbox'
import { createPaymentsApp } from '../payments/payments-app'
import { until } from '../support/until'

const FULL = process.env.TEST_SCALE === 'full'
/** At full scale the provider hangs until its deadline, otherwise until the test ends it. */
const REQUEST_DEADLINE = PROVIDER_DEADLINE_MS + 2_000
const PAYERS = FULL ? 60 : 25

const t = await createPaymentsApp({ POSTGRESQL_POOL_SIZE: '5' })
const hanging: (() => unknown)[] = []
const untilTold = (run: () => unknown) => {
  hanging.push(run)
  return () => {}
}
const sandbox = createSandbox({
  clock: t.clock.now,
  webhookSecrets: ['trouble'],
  deliver: async () => undefined,
  automatic: false,
  ...(!FULL && { schedule: untilTold }),
})
t.deps.paymentProviders.close()
Object.assign(t.deps, { paymentProviders: { ...assembleProviders(sandbox), sandbox, close: () => sandbox.close() } })

test('payers get a 503 in time while a provider hangs, and all other requests are served', async () => {
  const waiting = []
  for (let i = 0; i < PAYERS; i++) waiting.push(await t.booking())
  const doctor = await t.newDoctor({ clinicId: t.clinic.id })
  const others = await Promise.all(Array.from({ length: 8 }, () => t.newPatient()))
  sandbox.disturb('slow', PAYERS)

  const took: number[] = []
  const paying = waiting.map(async ({ patient, appointmentId }) => {
    const started = performance.now()
    const answer = await t.as(patient.actor).post('/payments', { appointmentId, method: 'card' })
    took.push(performance.now() - started)
    return answer
  })
  const booked = await Promise.all(
    others.map(({ actor }, i) => {
      const startsAt = new Date(Date.parse('2026-01-06T14:00:00Z') + i * 1_800_000).toISOString()
      return t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt })
    }),
  )
  expect(booked.map(({ status }) => status)).toEqual(Array(8).fill(201))
  // The bookings waited for no payer, although there are more payers than connections.
  expect(took).toEqual([])

  if (!FULL) await until(async () => hanging.length === PAYERS)
  for (const giveUp of hanging) giveUp()
  const answers = await Promise.all(paying)
  for (const { status, body } of answers)
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'unavailable' })
  if (FULL) expect(Math.max(...took)).toBeLessThan(REQUEST_DEADLINE)

  // A payment that was begun can be read and paid once the provider is back.
  const { patient, appointmentId } = waiting[0]!
  const list = await t.as(patient.actor).get('/payments', { query: { appointmentId } })
  const payment = await t.as(patient.actor).get(`/payments/${list.body.data[0].id}`)
  expect(payment.body).toMatchObject({ status: 'pending', clientSecret: expect.any(String) })
}, 60_000)
