import { acceptGap, adoptBeyond, findGap, inspectBeyond } from '../audit/reconcile'
import { relayAuditEvents } from '../audit/relay'
import { verifyTrail } from '../audit/verify'
import { type Command, runCommand, UsageError } from './command'
import { asMaintenanceUser } from './maintenance-user'

const USAGE = `Usage: bun run audit:reconcile [--reason <text>] [--yes]
Makes PostgreSQL and MongoDB agree about the audit trail after one of them was restored from an older copy. It shows what it
would do and asks first. Exit code: 0 if the trail is intact, 3 if it is but for accepted gaps, 1 if it is not, 2 after an error.
  --reason <text>  why, without names of people; it becomes part of the trail
  --yes            does not ask`

const MAX_REASON = 300
const TRIES = 100

type ReconcileArguments = { reason: string | undefined; yes: boolean }

export const auditReconcileCommand: Command<ReconcileArguments> = {
  unusedSettings: ['JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'PASSWORD_PEPPER'],
  errorCode: 2,
  readArguments(words) {
    const given: ReconcileArguments = { reason: undefined, yes: false }
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
      if (word === '--yes') given.yes = true
      else if (word === '--reason') given.reason = words.shift()
      else throw new UsageError(USAGE)
    }
    return given
  },
  async run(deps, args, { print }) {
    await deps.mongo.ready()
    let reason = args.reason?.trim()
    const agree = (question: string) => {
      reason ??= prompt('Reason, without names of people:')?.trim()
      if (!reason || reason.length > MAX_REASON) throw new UsageError(`Give a reason of 1 to ${MAX_REASON} characters.`)
      if (!args.yes && prompt(`${question} Type yes:`) !== 'yes') throw new UsageError('Nothing was changed.')
      return reason
    }

    const { linked, foreign, first, last } = await inspectBeyond(deps)
    if (linked + foreign > 0) {
      print(`MongoDB holds events ${first} to ${last}, which PostgreSQL does not know.`)
      print(`${linked} of them continue the chain and are adopted; ${foreign} do not and go to audit_logs_aside.`)
      const why = agree('Do this?')
      for (let tries = 1; !(await adoptBeyond(deps, why)); tries++) {
        if (tries === TRIES) throw new Error('the relay of a running copy is busy')
        await Bun.sleep(100)
      }
    }
    while ((await relayAuditEvents(deps)) > 0);
    for (let gap = await findGap(deps); gap; gap = await findGap(deps)) {
      print(`Events ${gap.first} to ${gap.last} are missing from MongoDB.`)
      await acceptGap(deps, gap, agree('Accept that they are lost, in a signed event?'))
    }
    const { finding, acceptedGaps, events } = await verifyTrail(deps)
    if (finding) print(`NOT INTACT: ${finding.seq === null ? '' : `event ${finding.seq}: `}${finding.problem}`)
    else
      print(`${events} events, intact${acceptedGaps.length > 0 ? ` but for ${acceptedGaps.length} accepted gaps` : ''}`)
    return finding ? 1 : acceptedGaps.length > 0 ? 3 : 0
  },
  failure: 'Could not be reconciled',
}

if (import.meta.main)
  process.exitCode = await runCommand(auditReconcileCommand, process.argv.slice(2), asMaintenanceUser(process.env), {
    print: console.log,
    warn: console.error,
  })
