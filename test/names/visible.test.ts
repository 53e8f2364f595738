import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const create = (body: object) => t.as(admin).post('/patients', { name: 'Ben', dateOfBirth: '2024-02-29', ...body })

describe('texts of a request', () => {
  test.each(['\u200b', '\u3164\u2800\u0301', 'Two\nlines', 'A\u2028B', 'A\tB', 'A\u0085B', 'A\u202eB', 'A\u007f'])(
    'a name of one line must be visible and without control characters, unlike %j',
    async (name) => {
      expect(await create({ name })).toMatchObject({ status: 422, body: { errors: [{ path: 'name' }] } })
    },
  )

  test.each(['李', '👩‍⚕️ Ada', 'می‌خواهم', "'", 'Å'])('the name %s is accepted', async (name) => {
    expect((await create({ name })).status).toBe(201)
  })

  test('an address may have several lines, but neither control characters nor only invisible ones', async () => {
    expect(await create({ address: '7 Elm Row\r\nNew York' })).toMatchObject({
      status: 201,
      body: { address: '7 Elm Row\r\nNew York' },
    })
    for (const address of ['\u200b\u200d', 'A\u0007']) expect((await create({ address })).status).toBe(422)
  })

  test.each(['---', '(+)', '1234', '+1234567890123456', '++49301234', '12-ext'])(
    'the telephone number %s is refused',
    async (phone) => {
      expect(await create({ phone })).toMatchObject({ status: 422, body: { errors: [{ path: 'phone' }] } })
    },
  )

  test.each(['12345', '+49 (0)30 / 123.45-67'])('the telephone number %s is kept as it was typed', async (phone) => {
    expect(await create({ phone })).toMatchObject({ status: 201, body: { phone } })
  })
})
