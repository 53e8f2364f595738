import { ConfigError, readConfig } from '../config'
import { asUnavailable } from '../database/constraints'
import { Day } from '../http/schemas'
import { ProviderError } from '../ledger/provider'
import { closeDeps, openDeps } from '../open-deps'
import type { Difference } from '../payments/reconciliation/compare'
import { daysRange, type ReconciliationReport, reconcile } from '../payments/reconciliation/service'

const USAGE = `Usage: bun run payments:reconcile --from YYYY-MM-DD --to YYYY-MM-DD [--fix]
Compares the ledger with what the card provider has for these days (UTC, both included). Ends with 0 when they agree, 1
when they do not, 2 when they could not be compared.
  --fix  does what the webhooks that were lost would have done, as often as you like, and compares again`

/** What ends the command with a sentence for whoever typed it. */
class Complaint extends Error {}

type Print = (line: string) => void

type Task = { from: string; to: string; fix: boolean }

function readTask(words: string[]): Task {
  const given: Partial<Task> = {}
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--from') given.from = readDay(words.shift())
    else if (word === '--to') given.to = readDay(words.shift())
    else if (word === '--fix') given.fix = true
    else throw new Complaint(USAGE)
  }
  const { from, to, fix = false } = given
  if (from === undefined || to === undefined) throw new Complaint(USAGE)
  if (to < from) throw new Complaint('--to must not lie before --from.')
  return { from, to, fix }
}

function readDay(word: string | undefined): string {
  const day = Day.safeParse(word)
  if (!day.success) throw new Complaint(`${word ?? 'Nothing'} is no day like 2026-03-02.\n${USAGE}`)
  return day.data
}

/** PostgreSQL and the provider are all that is needed here; nothing is signed, and MongoDB is not asked. */
function readOwnConfig(env: Record<string, string | undefined>) {
  const unused = () => crypto.randomUUID() + crypto.randomUUID()
  const secrets = { JWT_ACCESS_SECRET: unused(), JWT_REFRESH_SECRET: unused(), PASSWORD_PEPPER: unused() }
  const stands = { ...secrets, MONGODB_URI: 'mongodb://unused', AUDIT_SIGNING_KEY: unused() }
  return readConfig({ LOG_LEVEL: 'error', ...stands, ...env })
}

const nameOf = ({ kind, of, id, ref }: Difference) => `${kind} ${of} ${id} ${ref}`

function describe({ kind, of, id, ref, here, there }: Difference, note: string): string {
  const words = [kind.replaceAll('_', ' '), of, `${id ?? '-'} (${ref ?? '-'})`]
  return `${words.join('  ')}  here: ${here ?? 'nothing'}  there: ${there ?? 'nothing'}${note}`
}

function linesOf(provider: string, { compared, found, remaining }: ReconciliationReport): string[] {
  const left = new Set(remaining.map(nameOf))
  const repaired = found.filter((difference) => !left.has(nameOf(difference)))
  const entries = `${compared} ${compared === 1 ? 'entry' : 'entries'} compared`
  return [
    ...repaired.map((difference) => describe(difference, '  REPAIRED')),
    ...remaining.map((difference) => describe(difference, '')),
    `${provider}: ${entries}, ${found.length} differed, ${remaining.length} differ`,
  ]
}

/** Gives the exit code; `print` is for what was found, `warn` for everything else. */
export async function runReconcileCommand(
  words: string[],
  env: Record<string, string | undefined>,
  print: Print,
  warn: Print,
): Promise<number> {
  try {
    return await run(readTask(words), env, print)
  } catch (error) {
    warn(explain(error))
    return 2
  }
}

async function run({ from, to, fix }: Task, env: Record<string, string | undefined>, print: Print): Promise<number> {
  const deps = openDeps(readOwnConfig(env))
  try {
    const { online } = deps.paymentProviders
    if (online.length === 0) print('No card provider is configured: there is nothing to compare with.')
    let remaining = 0
    for (const provider of online) {
      const report = await reconcile(deps, provider, { ...daysRange(from, to), fix })
      for (const line of linesOf(provider.name, report)) print(line)
      remaining += report.remaining.length
    }
    return remaining === 0 ? 0 : 1
  } finally {
    await closeDeps(deps)
  }
}

function explain(error: unknown): string {
  if (error instanceof Complaint || error instanceof ConfigError) return error.message
  if (error instanceof ProviderError) return `Could not be compared: ${error.message}`
  if (asUnavailable(error)) return 'Could not be compared: PostgreSQL does not answer.'
  return `Could not be compared: ${error instanceof Error ? error.message : error}`
}

if (import.meta.main)
  process.exitCode = await runReconcileCommand(process.argv.slice(2), process.env, console.log, console.error)
