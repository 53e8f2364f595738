import { describe, expect, test } from 'bun:test'
import { NOW } from '../support/app'
import { createPaymentsApp } from './payments-app'

const t = await createPaymentsApp()
const { admin, clinic, auditOf, doctor, storedPayment } = t
const otherDoctor = await t.newDoctor({ clinicId: clinic.id })
const MINUTE = 60_000

describe('reading payments', () => {
  test('the patient, their guardian, the doctor and admins can read a payment; for others it is a 404', async () => {
    const payment = await storedPayment()
    const guardian = await t.newPatient()
    const { patient } = payment
    await t.db.insertInto('patientGuardians').values({ userId: guardian.actor.userId, patientId: patient.id }).execute()
    const stranger = await t.newPatient()
    const path = `/payments/${payment.id}`
    for (const actor of [patient.actor, guardian.actor, doctor.actor, admin]) {
      expect(await t.as(actor).get(path)).toMatchObject({ status: 200, body: { id: payment.id, amount: 9500 } })
      const list = await t.as(actor).get('/payments', { query: { appointmentId: payment.appointmentId } })
      expect(list.body).toMatchObject({ data: [{ id: payment.id }], nextCursor: null })
    }
    for (const actor of [stranger.actor, otherDoctor.actor]) {
      expect(await t.as(actor).get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } })
      const list = await t.as(actor).get('/payments', { query: { appointmentId: payment.appointmentId } })
      expect([list.status, list.body]).toEqual([200, { data: [], nextCursor: null }])
    }
    const reads = (await auditOf(payment.id)).filter(({ outcome }) => outcome === 'success')
    expect(reads).toMatchObject(
      [patient.actor, guardian.actor, doctor.actor, admin].map(({ userId }) => ({
        kind: 'payment.read',
        action: 'R',
        actorId: userId,
        patientIds: [patient.id],
      })),
    )
  })

  test('a payment list is audited with the patients it showed', async () => {
    const patient = await t.newPatient()
    await storedPayment(undefined, patient)
    await t.as(patient.actor).get('/payments')
    const events = await t
      .auditEvents()
      .select(['kind', 'patientIds'])
      .where('actorId', '=', patient.actor.userId)
      .execute()
    expect(events).toEqual([{ kind: 'payment.list', patientIds: [patient.id] }])
  })

  test('payment pages run from the newest to the oldest without gaps or repeats', async () => {
    const patient = await t.newPatient()
    const made: string[] = []
    for (let i = 0; i < 5; i++) {
      // Pairs with the same time, so that the id has to decide.
      const createdAt = new Date(NOW.getTime() + Math.floor(i / 2) * MINUTE)
      made.push((await storedPayment({ createdAt }, patient)).id)
    }
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page = await t.as(patient.actor).get('/payments', { query: { limit: 2, ...(cursor && { cursor }) } })
      seen.push(...page.body.data.map(({ id }: { id: string }) => id))
      cursor = page.body.nextCursor
    } while (cursor)
    expect(seen).toEqual(made.toReversed())
  })
})
