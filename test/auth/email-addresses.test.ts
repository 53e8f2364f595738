import { describe, expect, test } from 'bun:test'
import { Email } from '../../src/http/schemas'
import { createTestApp } from '../support/app'
import { createAccounts, newEmail, PASSWORD } from './accounts'

const t = await createTestApp()
const { newAccount, signIn } = createAccounts(t)

describe('email addresses', () => {
  test('domains in other scripts are accepted in both forms, which are one account', async () => {
    const name = `u${Date.now()}`
    const [unicode, ascii] = [`${name}@испытание.рф`, `${name}@xn--80akhbyknj4f.xn--p1ai`]
    const { user } = await newAccount({ email: unicode })
    expect(user.email).toBe(ascii)
    for (const email of [unicode, ascii, ascii.toUpperCase()]) expect((await signIn(email)).status).toBe(200)
    const again = { role: 'patient', email: ascii, password: PASSWORD, name: 'Ada', dateOfBirth: '1990-12-10' }
    expect(await t.anonymous.post('/auth/register', again)).toMatchObject({
      status: 409,
      body: { code: 'email_taken' },
    })
  })

  test('blanks around an address do not matter, at registration and at sign-in', async () => {
    const email = newEmail()
    expect((await newAccount({ email: ` ${email} ` })).user.email).toBe(email)
    for (const typed of [email, `${email} `, `\t${email}\n`]) expect((await signIn(typed)).status).toBe(200)
  })

  test.each([
    'a@b',
    'a@b.c',
    'a b@example.org',
    'a@bücher',
    'a@bü/cher.de',
    'a@bücher.de:80',
    'a@@bücher.de',
    'ü@example.org',
    'a@example.org, b@example.org',
    `${'a'.repeat(250)}@example.org`,
  ])('%s is not an email address', (text) => {
    expect(Email.safeParse(text).success).toBe(false)
  })
})
