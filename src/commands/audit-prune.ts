import { pruneAuditTrail } from '../audit/prune'
import { type Command, runCommand, UsageError } from './command'
import { asMaintenanceUser } from './maintenance-user'

const USAGE = `Usage: bun run audit:prune
Deletes audit events that are older than AUDIT_RETENTION, as the user of MONGODB_MAINTENANCE_URI. Needed when the API itself
runs without this setting. Safe to repeat. Exit code: 0, or 2 after an error.`

export const auditPruneCommand: Command<void> = {
  unusedSettings: ['JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'PASSWORD_PEPPER'],
  errorCode: 2,
  readArguments(words) {
    if (words.length > 0) throw new UsageError(USAGE)
  },
  async run(deps, _none, { print }) {
    let deleted = 0
    for (let count = await pruneAuditTrail(deps); count > 0; count = await pruneAuditTrail(deps)) deleted += count
    print(`${deleted} events deleted`)
    return 0
  },
  failure: 'Could not be pruned',
}

if (import.meta.main)
  process.exitCode = await runCommand(auditPruneCommand, process.argv.slice(2), asMaintenanceUser(process.env), {
    print: console.log,
    warn: console.error,
  })
