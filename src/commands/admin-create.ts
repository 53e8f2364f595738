import { migrate } from '../../db/migrate'
import { hashPassword } from '../auth/passwords/hashing'
import { containsEmailName, EMAIL_NAME_REFUSED, passwordWeakness } from '../auth/passwords/policy'
import { createUser } from '../auth/register'
import { auditEvent } from '../database/audit-event'
import { appendAuditEvent } from '../database/audit-outbox'
import { inTransaction } from '../database/transaction'
import type { Deps } from '../deps'
import { Email, text } from '../http/schemas'
import { systemContext } from '../system-context'
import { type Command, runCommand, UsageError } from './command'

const USAGE = `Usage: bun run admin:create <email> <name>
Asks for the password, or reads it from standard input. Never put it on the command line.`

type Admin = { email: string; name: string }

const adminCreateCommand: Command<Admin> = {
  unusedSettings: ['MONGODB_URI', 'JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'AUDIT_SIGNING_KEY'],
  errorCode: 1,
  readArguments: readAdmin,
  async run(deps, { email, name }, { print }) {
    const password = checkPassword(await readPassword(), email)
    if (deps.config.migrateOnStart) await migrate(deps.config.postgres)
    const id = await createAdmin(deps, { email, name }, password)
    print(`Created the admin ${email} (${id}).`)
    return 0
  },
  failure: 'Could not be created',
}

/** The only way to create the first admin. Returns the user's id. Throws email_taken. */
async function createAdmin(deps: Deps, { email, name }: Admin, password: string): Promise<string> {
  const hashed = await hashPassword(deps, password)
  return inTransaction(systemContext(deps, 'admin-create'), async (ctx) => {
    const user = await createUser(ctx, { role: 'admin', email, name, phone: null }, hashed)
    await appendAuditEvent(ctx.db, auditEvent(ctx, { kind: 'admin.create', action: 'C' }, { targetId: user.id }))
    return user.id
  })
}

function readAdmin([email, ...words]: string[]): Admin {
  const checked = { email: Email.safeParse(email), name: text(200).safeParse(words.join(' ')) }
  if (email === undefined || words.length === 0) throw new UsageError(USAGE)
  if (!checked.email.success) throw new UsageError(`${email} is not an email address.\n${USAGE}`)
  if (!checked.name.success) throw new UsageError(`The name ${checked.name.error.issues[0]!.message}.\n${USAGE}`)
  return { email: checked.email.data, name: checked.name.data }
}

function checkPassword(password: string, email: string): string {
  const weakness = passwordWeakness(password) ?? (containsEmailName(password, email) ? EMAIL_NAME_REFUSED : undefined)
  if (weakness) throw new UsageError(`The password ${weakness}.`)
  return password
}

async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await new Response(Bun.stdin.stream()).text()).replace(/\r?\n$/, '')
  const first = await askHidden('Password: ')
  if ((await askHidden('Password again: ')) !== first) throw new UsageError('The two passwords differ.')
  return first
}

/** Reads one line from the terminal without showing it. */
function askHidden(question: string): Promise<string> {
  const { stdin, stdout } = process
  stdin.setEncoding('utf8').setRawMode(true).resume()
  stdout.write(question)
  return new Promise<string>((resolve, reject) => {
    let line = ''
    stdin.on('data', (chunk) => {
      for (const character of String(chunk)) {
        if (character === '\r' || character === '\n') return resolve(line)
        if (character === '\u0003') return reject(new UsageError('Stopped; no account was created.'))
        line = character === '\u007f' || character === '\b' ? line.slice(0, -1) : line + character
      }
    })
  }).finally(() => {
    stdin.removeAllListeners('data').setRawMode(false).pause()
    stdout.write('\n')
  })
}

if (import.meta.main)
  process.exitCode = await runCommand(adminCreateCommand, process.argv.slice(2), process.env, {
    print: console.log,
    warn: console.error,
  })
