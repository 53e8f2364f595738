import { Day } from '../http/schemas'
import type { Difference } from '../payments/reconciliation/compare'
import { daysRange, type ReconciliationReport, reconcile } from '../payments/reconciliation/service'
import { type Command, runCommand, UsageError } from './command'

const USAGE = `Usage: bun run payments:reconcile --from YYYY-MM-DD --to YYYY-MM-DD [--fix]
Compares the ledger with the card provider's books for these days (UTC, both included). Exit code: 0 if they agree, 1 if
they differ, 2 if they could not be compared.
  --fix  repairs what lost webhooks or jobs would have done, and compares again; safe to repeat`

type Days = { from: string; to: string; fix: boolean }

export const reconcileCommand: Command<Days> = {
  unusedSettings: ['MONGODB_URI', 'JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'PASSWORD_PEPPER', 'AUDIT_SIGNING_KEY'],
  errorCode: 2,
  readArguments: readDays,
  async run(deps, { from, to, fix }, { print }) {
    const { online } = deps.paymentProviders
    if (online.length === 0) print('No card provider is configured, so there is nothing to compare.')
    let remaining = 0
    for (const provider of online) {
      const report = await reconcile(deps, provider, { ...daysRange(from, to), fix })
      for (const line of linesOf(provider.name, report)) print(line)
      remaining += report.remaining.length
    }
    return remaining === 0 ? 0 : 1
  },
  failure: 'Could not be compared',
}

function readDays(words: string[]): Days {
  const given: Partial<Days> = {}
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--from') given.from = readDay(words.shift())
    else if (word === '--to') given.to = readDay(words.shift())
    else if (word === '--fix') given.fix = true
    else throw new UsageError(USAGE)
  }
  const { from, to, fix = false } = given
  if (from === undefined || to === undefined) throw new UsageError(USAGE)
  if (to < from) throw new UsageError('--to must not lie before --from.')
  return { from, to, fix }
}

function readDay(word: string | undefined): string {
  const day = Day.safeParse(word)
  if (!day.success) throw new UsageError(`${word ?? 'Nothing'} is no day like 2026-03-02.\n${USAGE}`)
  return day.data
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

if (import.meta.main)
  process.exitCode = await runCommand(reconcileCommand, process.argv.slice(2), process.env, {
    print: console.log,
    warn: console.error,
  })
