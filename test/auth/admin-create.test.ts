import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { builtProgram } from '../support/server'
import { createAccounts, newEmail } from './accounts'

const t = await createTestApp()
const { signIn } = createAccounts(t)
const PASSWORD = 'horse of the first admin'
/** Each test starts its own processes. */
const SLOW_MACHINE_MS = 30_000

const { POSTGRESQL_HOST, POSTGRESQL_PORT, POSTGRESQL_USER, POSTGRESQL_PASSWORD, POSTGRESQL_DATABASE } = t.env
const NEEDED = {
  POSTGRESQL_HOST,
  POSTGRESQL_PORT,
  POSTGRESQL_USER,
  POSTGRESQL_PASSWORD,
  POSTGRESQL_DATABASE,
  PASSWORD_PEPPER: t.env.PASSWORD_PEPPER,
}

async function adminCreate(args: string[], password: string, over: Record<string, string | undefined> = {}) {
  const command = [process.execPath, '--no-env-file', builtProgram('admin-create'), ...args]
  const env = { PATH: process.env.PATH, BCRYPT_COST: '4', ...NEEDED, ...over }
  const child = Bun.spawn(command, { env, stdin: new Blob([password]), stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr] = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).text()))
  return { code: await child.exited, stdout: stdout!, stderr: stderr! }
}

describe.concurrent('admin:create', () => {
  test(
    'admin:create makes an admin who can sign in, also in production, and needs only PostgreSQL and the pepper',
    async () => {
      const email = newEmail()
      const production = {
        NODE_ENV: 'production',
        BCRYPT_COST: '10',
        PASSWORD_PEPPER: 'x7Qm2vT9kLp4Rw8sYb3Nf6Hd1Jc5Zg0A',
      }
      const answer = await adminCreate([email, 'Ada', 'Lovelace'], `${PASSWORD}\n`, production)
      expect(answer).toMatchObject({ code: 0, stderr: '' })
      expect(answer.stdout).toContain(email)
      expect(answer.stdout).not.toContain(PASSWORD)
      const user = await t.db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirstOrThrow()
      expect(user).toMatchObject({ role: 'admin', name: 'Ada Lovelace', status: 'active' })
      expect(user.passwordHash).toStartWith('$2b$10$')
      const events = await t.auditEvents().selectAll().where('targetId', '=', user.id).execute()
      expect(events).toMatchObject([{ kind: 'admin.create', action: 'C', actorId: null, outcome: 'success' }])

      const here = newEmail()
      expect((await adminCreate([here, 'Ada'], PASSWORD)).code).toBe(0)
      expect(await signIn(here, PASSWORD)).toMatchObject({ status: 200, body: { user: { role: 'admin' } } })
      expect(await adminCreate([here.toUpperCase(), 'Ada'], PASSWORD)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('email address already'),
      })
    },
    SLOW_MACHINE_MS,
  )

  const refused: [
    what: string,
    args: string[],
    password: string,
    over: Record<string, string | undefined>,
    says: RegExp,
  ][] = [
    ['no name', [newEmail()], PASSWORD, {}, /^Usage: bun run admin:create <email> <name>/],
    ['a weak password', [newEmail(), 'Ada'], 'qwerty123456', {}, /^The password is one of the most used/],
    ['no pepper', [newEmail(), 'Ada'], PASSWORD, { PASSWORD_PEPPER: undefined }, /PASSWORD_PEPPER is required/],
    [
      'no PostgreSQL server',
      [newEmail(), 'Ada'],
      PASSWORD,
      { POSTGRESQL_HOST: '127.0.0.1', POSTGRESQL_PORT: '1' },
      /^Could not be created: PostgreSQL at 127\.0\.0\.1:1 is not running.* set POSTGRESQL_HOST and POSTGRESQL_PORT \(/,
    ],
  ]
  test.each(refused)(
    'admin:create with %s fails with a plain sentence',
    async (_, args, password, over, says) => {
      const { code, stdout, stderr } = await adminCreate(args, password, over)
      expect(code).toBe(1)
      expect(stderr).toMatch(says)
      expect(stderr).not.toContain('    at ')
      expect(stdout).toBe('')
    },
    SLOW_MACHINE_MS,
  )
})
