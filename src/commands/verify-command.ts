import { readFileSync } from 'node:fs'
import { openCheckpointKey } from '../audit/checkpoint-key'
import { formatCheckpoint, listCheckpoints, parseCheckpoint } from '../audit/checkpoints'
import { type Verdict, type VerifyOptions, verifyTrail } from '../audit/verify'
import { type Command, type Output, runCommand, UsageError } from './command'

const USAGE = `Usage: bun run audit:verify [--from-checkpoint] [--kept <file>] [--checkpoints]
Checks that the audit trail is as it was written. Exit code: 0 if it is, 1 if it is not, 2 if it could not be checked,
3 if events are missing whose gaps were accepted with audit:reconcile, and all else is as it was written.
  --from-checkpoint  checks only events after the newest checkpoint
  --kept <file>      also checks the chain against the checkpoints in this file, which an earlier run printed
  --checkpoints      prints every checkpoint, to be kept elsewhere, and checks nothing`

type Kept = NonNullable<VerifyOptions['kept']>
type VerifyArguments = { fromCheckpoint: boolean; onlyPrint: boolean; kept: Kept }

export const verifyCommand: Command<VerifyArguments> = {
  unusedSettings: ['JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'PASSWORD_PEPPER'],
  errorCode: 2,
  readArguments,
  async run(deps, { onlyPrint, ...options }, { print, warn }) {
    if (onlyPrint) {
      for (const checkpoint of await listCheckpoints(deps.db)) print(`checkpoint ${formatCheckpoint(checkpoint)}`)
      return 0
    }
    const verdict = await verifyTrail(deps, { ...options, onProgress: showProgress(warn) })
    print(describe(verdict))
    // A checkpoint of a broken trail must not be kept, so it is not printed.
    if (!verdict.finding && verdict.checkpoint) print(`checkpoint ${formatCheckpoint(verdict.checkpoint)}`)
    print(`public key ${(await openCheckpointKey(deps.config.audit)).publicKey}`)
    return verdict.finding ? 1 : verdict.acceptedGaps.length > 0 ? 3 : 0
  },
  failure: 'Could not be checked',
}

function readArguments(words: string[]): VerifyArguments {
  const given: VerifyArguments = { fromCheckpoint: false, onlyPrint: false, kept: [] }
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--from-checkpoint') given.fromCheckpoint = true
    else if (word === '--checkpoints') given.onlyPrint = true
    else if (word === '--kept') given.kept = readKept(words.shift())
    else throw new UsageError(USAGE)
  }
  return given
}

function readKept(path: string | undefined): Kept {
  if (path === undefined) throw new UsageError(USAGE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new UsageError(`${path} cannot be read.`)
  }
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '' || OTHER_LINES.test(line)) return []
    const checkpoint = parseCheckpoint(line.replace(/^checkpoint /, ''))
    if (!checkpoint) throw new UsageError(`Line ${i + 1} of ${path} is not a checkpoint.`)
    return [checkpoint]
  })
}

/** The other lines that this command prints, so that its whole output can be kept in one file. */
const OTHER_LINES = /^([\d,]+ events?, intact|public key |NOT INTACT: )/

/** Prints progress about once a second. */
function showProgress(warn: Output['warn']) {
  let due = performance.now() + 1_000
  return (events: number, total: number) => {
    if (performance.now() < due) return
    due = performance.now() + 1_000
    warn(`${count(events)} of ${count(total)} events verified`)
  }
}

const count = (events: number) => events.toLocaleString('en-US')

function describe({ events, finding, checkpoint, acceptedGaps }: Verdict): string {
  if (finding) {
    const where = finding.seq === null ? '' : `event ${finding.seq}: `
    return `NOT INTACT: ${where}${finding.problem}`
  }
  const last = checkpoint && `${checkpoint.seq} of ${checkpoint.createdAt.toISOString()}`
  return `${count(events)} event${events === 1 ? '' : 's'}, intact${gapsOf(acceptedGaps)}, ${last ? `last checkpoint ${last}` : 'no checkpoint yet'}`
}

function gapsOf({ length }: Verdict['acceptedGaps']): string {
  return length === 0 ? '' : ` but for ${length} accepted gap${length === 1 ? '' : 's'}`
}

if (import.meta.main)
  process.exitCode = await runCommand(verifyCommand, process.argv.slice(2), process.env, {
    print: console.log,
    warn: console.error,
  })
