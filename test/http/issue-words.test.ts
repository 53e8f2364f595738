import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const asAdmin = t.as(await t.newAdmin())
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })

const messages = (answer: { status: number; body: { errors: { path: string; message: string }[] } }) => {
  expect(answer.status).toBe(422)
  return Object.fromEntries(answer.body.errors.map(({ path, message }) => [path, message]))
}

describe('messages of refused fields', () => {
  test('every refused field is explained in words for people', async () => {
    const visitType = {
      name: 7,
      mode: 'by_post',
      durationMinutes: 1.5,
      bufferBeforeMinutes: -1,
      bufferAfterMinutes: 9_999,
      requiresRoom: 'yes',
    }
    expect(messages(await asAdmin.post(`/doctors/${doctor.id}/visit-types`, visitType))).toEqual({
      name: 'must be text',
      mode: 'must be in_person or telehealth',
      durationMinutes: 'must be a whole number',
      bufferBeforeMinutes: 'must be at least 0',
      bufferAfterMinutes: 'must be at most 1440',
      requiresRoom: 'must be true or false',
      price: 'is required',
    })
    const patient = { name: 'x'.repeat(201), dateOfBirth: '1990-01-01', gender: 'none' }
    expect(messages(await asAdmin.post('/patients', patient))).toEqual({
      name: 'must have at most 200 characters',
      gender: 'must be female, male, other or unknown',
    })
    expect(messages(await asAdmin.put(`/doctors/${doctor.id}/verify`, { clinicIds: 'x' }))).toEqual({
      clinicIds: 'must be a list',
    })
  })

  test('a wrong role is answered with the roles that there are', async () => {
    expect(messages(await t.anonymous.post('/auth/register', { role: 'admin' }))).toEqual({
      role: 'must be patient or doctor',
    })
  })
})
