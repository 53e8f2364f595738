import { readFileSync } from 'node:fs'
import { openCheckpointKey } from '../audit/checkpoint-key'
import { formatCheckpoint, parseCheckpoint } from '../audit/checkpoints'
import { type Checkpoint, readTrail } from '../audit/queries'
import { type Verdict, verifyTrail } from '../audit/verify'
import { ConfigError, readConfig } from '../config'
import { closeDeps, openDeps } from '../open-deps'

const USAGE = `Usage: bun run audit:verify [--from-checkpoint] [--kept <file>] [--checkpoints]
Walks the audit trail and says whether it is as it was written. Ends with 0 when it is, 1 when it is not, 2 when it could
not be checked.
  --from-checkpoint  only what came after the newest checkpoint
  --kept <file>      the chain must also go through the checkpoints of this file: what was printed here before
  --checkpoints      prints every checkpoint, for safe keeping, and checks nothing`

/** What ends the command with a sentence for whoever typed it. */
class Complaint extends Error {}

type Print = (line: string) => void

type Task = { fromCheckpoint: boolean; onlyPrint: boolean; kept: Checkpoint[] }

function readTask([...words]: string[]): Task {
  const task: Task = { fromCheckpoint: false, onlyPrint: false, kept: [] }
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--from-checkpoint') task.fromCheckpoint = true
    else if (word === '--checkpoints') task.onlyPrint = true
    else if (word === '--kept') task.kept = readKept(words.shift())
    else throw new Complaint(USAGE)
  }
  return task
}

function readKept(path: string | undefined): Checkpoint[] {
  if (path === undefined) throw new Complaint(USAGE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new Complaint(`${path} cannot be read.`)
  }
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '' || OTHER_LINES.test(line)) return []
    const checkpoint = parseCheckpoint(line.replace(/^checkpoint /, ''))
    if (!checkpoint) throw new Complaint(`Line ${i + 1} of ${path} is not a checkpoint.`)
    return [checkpoint]
  })
}

/** What else is printed here, so that all of it can go to one file. */
const OTHER_LINES = /^([\d,]+ events?, intact|public key |NOT INTACT: )/

/** The databases and the key are all that is needed here. */
function readOwnConfig(env: Record<string, string | undefined>) {
  const unused = () => crypto.randomUUID() + crypto.randomUUID()
  const stands = { JWT_ACCESS_SECRET: unused(), JWT_REFRESH_SECRET: unused(), PASSWORD_PEPPER: unused() }
  return readConfig({ LOG_LEVEL: 'error', ...stands, ...env })
}

/** About once a second. */
function showProgress(warn: Print) {
  let due = performance.now() + 1_000
  return (events: number, total: number) => {
    if (performance.now() < due) return
    due = performance.now() + 1_000
    warn(`${count(events)} of ${count(total)} events verified`)
  }
}

const count = (events: number) => events.toLocaleString('en-US')

function describe({ events, finding, checkpoint }: Verdict): string {
  if (finding) {
    const where = finding.seq === null ? '' : `event ${finding.seq}: `
    return `NOT INTACT: ${where}${finding.problem}`
  }
  const last = checkpoint && `${checkpoint.seq} of ${checkpoint.createdAt.toISOString()}`
  return `${count(events)} event${events === 1 ? '' : 's'}, intact, ${last ? `last checkpoint ${last}` : 'no checkpoint yet'}`
}

/** Gives the exit code; `print` is for what was found, `warn` for everything else. */
export async function runVerifyCommand(
  words: string[],
  env: Record<string, string | undefined>,
  print: Print,
  warn: Print,
): Promise<number> {
  try {
    return await run(words, env, print, warn)
  } catch (error) {
    warn(explain(error))
    return 2
  }
}

async function run(words: string[], env: Record<string, string | undefined>, print: Print, warn: Print) {
  const { onlyPrint, ...options } = readTask(words)
  const config = readOwnConfig(env)
  const deps = openDeps(config)
  try {
    if (onlyPrint) {
      const { checkpoints } = await readTrail(deps.db)
      for (const checkpoint of checkpoints.toReversed()) print(`checkpoint ${formatCheckpoint(checkpoint)}`)
      return 0
    }
    const verdict = await verifyTrail(deps, { ...options, onProgress: showProgress(warn) })
    print(describe(verdict))
    // One that is not to be kept must not look like one.
    if (!verdict.finding && verdict.checkpoint) print(`checkpoint ${formatCheckpoint(verdict.checkpoint)}`)
    print(`public key ${(await openCheckpointKey(config.audit)).publicKey}`)
    return verdict.finding ? 1 : 0
  } finally {
    await closeDeps(deps)
  }
}

function explain(error: unknown): string {
  if (error instanceof Complaint || error instanceof ConfigError) return error.message
  return `Could not be checked: ${error instanceof Error ? error.message : error}`
}

if (import.meta.main)
  process.exitCode = await runVerifyCommand(process.argv.slice(2), process.env, console.log, console.error)
