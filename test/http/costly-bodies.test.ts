import { expect, test } from 'bun:test'
import { createTestApp } from '../support/app'

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
