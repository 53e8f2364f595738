import { migrate } from '../../db/migrate'
import { containsEmailName, EMAIL_NAME_REFUSED, passwordWeakness } from '../auth/password-policy'
import { hashPassword } from '../auth/passwords'
import { createUser } from '../auth/register'
import { ConfigError, readConfig } from '../config'
import { auditEvent } from '../database/audit-event'
import { appendAuditEvent } from '../database/audit-outbox'
import { asUnavailable } from '../database/constraints'
import { inTransaction } from '../database/transaction'
import type { Deps } from '../deps'
import { AppError } from '../errors'
import { Email, text } from '../http/schemas'
import { closeDeps, openDeps } from '../open-deps'
import { systemContext } from '../system-context'

const USAGE = `Usage: bun run admin:create <email> <name>
The password is asked for, or read from standard input: it never stands on the command line.`

/** What ends the command with a sentence for whoever typed it. */
class Complaint extends Error {}

/** Makes an account for an admin: there is no other way to get the first one. Gives what to tell the operator. */
async function createAdmin(deps: Deps, email: string, name: string, password: string): Promise<string> {
  const hashed = await hashPassword(deps, password)
  const ctx = systemContext(deps, 'admin-create')
  const id = await inTransaction(ctx, async (ctx) => {
    const user = await createUser(ctx, { role: 'admin', email, name, phone: null }, hashed)
    await appendAuditEvent(ctx.db, auditEvent(ctx, { kind: 'admin.create', action: 'C' }, { targetId: user.id }))
    return user.id
  })
  return `Made the admin ${email} (${id}).`
}

function checkName([email, ...words]: string[]) {
  const checked = { email: Email.safeParse(email), name: text(200).safeParse(words.join(' ')) }
  if (email === undefined || words.length === 0) throw new Complaint(USAGE)
  if (!checked.email.success) throw new Complaint(`${email} is not an email address.\n${USAGE}`)
  if (!checked.name.success) throw new Complaint(`The name ${checked.name.error.issues[0]!.message}.\n${USAGE}`)
  return { email: checked.email.data, name: checked.name.data }
}

function checkPassword(password: string, email: string): string {
  const weakness = passwordWeakness(password) ?? (containsEmailName(password, email) ? EMAIL_NAME_REFUSED : undefined)
  if (weakness) throw new Complaint(`The password ${weakness}.`)
  return password
}

async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await new Response(Bun.stdin.stream()).text()).replace(/\r?\n$/, '')
  const first = await askHidden('Password: ')
  if ((await askHidden('The same again: ')) !== first) throw new Complaint('The two passwords differ.')
  return first
}

/** One line from the terminal, without showing it. */
function askHidden(question: string): Promise<string> {
  const { stdin, stdout } = process
  stdin.setEncoding('utf8').setRawMode(true).resume()
  stdout.write(question)
  return new Promise<string>((resolve, reject) => {
    let line = ''
    stdin.on('data', (chunk) => {
      for (const character of String(chunk)) {
        if (character === '\r' || character === '\n') return resolve(line)
        if (character === '\u0003') return reject(new Complaint('Stopped; nothing was made.'))
        line = character === '\u007f' || character === '\b' ? line.slice(0, -1) : line + character
      }
    })
  }).finally(() => {
    stdin.removeAllListeners('data').setRawMode(false).pause()
    stdout.write('\n')
  })
}

/** PostgreSQL and the pepper are all that is needed here; nothing is signed with the rest. */
function readOwnConfig(env: Record<string, string | undefined>) {
  const unused = () => crypto.randomUUID() + crypto.randomUUID()
  const stands = { MONGODB_URI: 'mongodb://unused', JWT_ACCESS_SECRET: unused(), JWT_REFRESH_SECRET: unused() }
  return readConfig({ LOG_LEVEL: 'error', AUDIT_SIGNING_KEY: unused(), ...stands, ...env })
}

async function run(): Promise<string> {
  const { email, name } = checkName(process.argv.slice(2))
  const config = readOwnConfig(process.env)
  const password = checkPassword(await readPassword(), email)
  if (config.migrateOnStart) await migrate(config.postgres)
  const deps = openDeps(config)
  try {
    return await createAdmin(deps, email, name, password)
  } finally {
    await closeDeps(deps)
  }
}

function explain(error: unknown): string {
  if (error instanceof Complaint || error instanceof ConfigError) return error.message
  if (error instanceof AppError) return error.detail
  if (asUnavailable(error))
    return 'PostgreSQL does not answer: are POSTGRESQL_HOST and POSTGRESQL_PORT right, is it up?'
  return `PostgreSQL refused: ${error instanceof Error ? error.message : error}`
}

if (import.meta.main)
  await run().then(console.log, (error) => {
    console.error(explain(error))
    process.exitCode = 1
  })
