import { expect, test } from 'bun:test'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()

const send = (path: string, body: string) =>
  t.as(admin).call('POST', path, body, { headers: { 'content-type': 'application/json' } })

test('members are counted in the bytes of a body before it is parsed, so a text that is no JSON is refused for them', async () => {
  const message = 'must not have more than 2000 fields and list items'
  const refused = await send('/clinics', `{"a":[${'1,'.repeat(2_001)}`)
  expect({ status: refused.status, errors: refused.body.errors }).toEqual({
    status: 422,
    errors: [{ path: 'a', message }],
  })
  const fields = await send('/clinics', `{${'"a":1,'.repeat(2_001)}`)
  expect(fields.body.errors).toEqual([{ path: '', message }])
  const few = await send('/clinics', `{"a":[${'1,'.repeat(1_900)}`)
  expect({ status: few.status, code: few.body.code }).toEqual({ status: 400, code: 'malformed_json' })
})

test('commas, brackets and quotes inside texts, blanks and empty lists count as no members', async () => {
  const name = '[{,'.repeat(20)
  const clinic = { name, timeZone: 'Europe/Berlin', currency: 'EUR', address: `\\",${'"'.repeat(30)}` }
  const { status, body } = await send('/clinics', JSON.stringify(clinic, null, '\n\t   '))
  expect({ status, name: body.name, address: body.address }).toEqual({ status: 201, name, address: clinic.address })
})

test('blanks around a text count only where they are not trimmed', async () => {
  const blanks = ' '.repeat(20_000)
  const clinic = { name: `${blanks}Trimmed${blanks}`, timeZone: 'Europe/Berlin', currency: 'EUR' }
  const { status, body } = await send('/clinics', JSON.stringify(clinic))
  expect({ status, name: body.name }).toEqual({ status: 201, name: 'Trimmed' })
  const password = `${blanks}a long password${blanks}`
  const account = { email: 'blanks@example.org', password, name: 'Blanks', dateOfBirth: '1990-01-01' }
  const refused = await send('/auth/register', JSON.stringify({ role: 'patient', ...account }))
  expect(refused.status).toBe(422)
  expect(refused.body.errors.map(({ path }: { path: string }) => path)).toContain('password')
})

test('members of clinical data count for the data alone, and all others for the rest of the body', async () => {
  const { post, record } = await aDoctorWithAPatient()
  const values = `"data":{${Array.from({ length: 3_000 }, (_, i) => `"f${i}":1`)}}`
  expect((await post(`{${values},${record}}`)).status).toBe(201)
  const message = 'must not have more than 2000 fields and list items'
  for (const body of [`{"data":{},"title":[${'1,'.repeat(2_001)}`, `{${values},"title":[${'1,'.repeat(2_001)}`]) {
    const refused = await post(body)
    expect({ status: refused.status, errors: refused.body.errors }).toEqual({
      status: 422,
      errors: [{ path: 'title', message }],
    })
  }
})

test('clinical data that is too large however it is written is refused before it is parsed, so a text that is no JSON is, too', async () => {
  const { post, record } = await aDoctorWithAPatient()
  for (const name of ['data', 'd\\u0061ta']) {
    const refused = await post(`{${record},"${name}":{"a":"${'x'.repeat(65_600)}",`)
    expect({ status: refused.status, errors: refused.body.errors }).toEqual({
      status: 422,
      errors: [{ path: 'data', message: 'must not be larger than 64 KiB as JSON' }],
    })
  }
})

test('blanks, escapes and long spellings of numbers in clinical data do not count', async () => {
  const { post, record } = await aDoctorWithAPatient()
  const accepted = [`"${'\\u0041'.repeat(31_000)}"`, `${' '.repeat(150_000)}1`, `1.${'0'.repeat(150_000)}`]
  for (const value of accepted) expect((await post(`{${record},"data":{"a":${value}}}`)).status).toBe(201)
})

async function aDoctorWithAPatient() {
  const doctor = await t.newDoctor({ clinicId: (await t.newClinic()).id })
  const patient = await t.newPatient()
  await t.newAppointment({ patient, doctor, startsAt: NOW })
  const headers = { 'content-type': 'application/json' }
  return {
    record: '"type":"lab_result","title":"Values"',
    post: (body: string) => t.as(doctor.actor).call('POST', `/patients/${patient.id}/records`, body, { headers }),
  }
}
