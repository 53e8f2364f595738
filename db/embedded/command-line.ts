import { EmbeddedDatabaseError } from './error'
import { type Run, runWithDatabases } from './run-with-databases'

/**
 * `… -- <command>`: runs the command with both databases up until it ends, or until Ctrl-C, SIGTERM or SIGHUP. Then this
 * process exits: 0 after an orderly stop, 1 after an error, else as the command did.
 */
export async function runCommandLine(steps: Pick<Run, 'migrate' | 'seed'>): Promise<never> {
  // Bun swallows the `--` itself.
  const command = process.argv.slice(process.argv[2] === '--' ? 3 : 2)
  if (command.length === 0) fail('Say what to run: bun db/embedded/with-databases.ts -- <command>')
  // The terminal may be gone while there is still something to stop.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const signal = interruption()
  try {
    const print = (line: string) => console.log(line)
    process.exit(
      await runWithDatabases({ command, folder: process.cwd(), environment: process.env, signal, print, ...steps }),
    )
  } catch (error) {
    if (error === signal.reason) process.exit(0)
    fail(error instanceof EmbeddedDatabaseError ? error.message : error)
  }
}

function fail(reason: unknown): never {
  console.error(reason)
  process.exit(1)
}

function interruption(): AbortSignal {
  const controller = new AbortController()
  let first = 0
  const interrupt = () => {
    // One Ctrl-C comes twice under `bun run`: from the terminal, and passed on by the runner. One that is meant as a
    // second does not wait: what was started then ends by itself.
    if (controller.signal.aborted && performance.now() - first > 1000) process.exit(1)
    if (controller.signal.aborted) return
    first = performance.now()
    controller.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt)
  if (process.env.npm_lifecycle_event) followRunner(() => controller.signal.aborted || interrupt())
  return controller.signal
}

/** `bun run dev` puts a runner between the terminal and this process, which may be killed without a word to it. */
function followRunner(onGone: () => void): void {
  const runner = process.ppid
  setInterval(() => process.ppid !== runner && onGone(), 500).unref()
}
