import { expect, test } from 'bun:test'
import { createCardApp } from './card-app'

const t = await createCardApp()

test('a payment does not book a hold with a doctor who was disabled meanwhile, and is refunded in full', async () => {
  const doctor = await t.newDoctor({ clinicId: t.clinic.id, visitType: { requiresPrepayment: true } })
  const patient = await t.newPatient()
  const client = t.as(patient.actor)
  const { body: hold } = await client.post('/appointments', { doctorId: doctor.id, startsAt: '2026-01-08T15:00:00Z' })
  const { body: payment } = await client.post('/payments', { appointmentId: hold.id, method: 'card' })
  await t.as(t.admin).patch(`/users/${doctor.actor.userId}`, { status: 'disabled' })
  t.payers.pay(await t.refOf(payment.id), 'succeed')
  await t.settle()
  expect((await client.get(`/appointments/${hold.id}`)).body.status).toBe('held')
  expect(await t.read(payment.id)).toMatchObject({ status: 'refunded', resolution: 'refunded_slot_lost' })
})
