import { EmbeddedDatabaseError } from './error'
import { type Run, runWithDatabases } from './run-with-databases'

/**
 * `… -- <command>`: runs the command beside both databases until it ends, or until Ctrl-C, SIGTERM or SIGHUP. Exit code: 0
 * after an orderly stop, 1 after an error, otherwise the command's own.
 */
export async function runCommandLine(steps: Pick<Run, 'migrate' | 'seed'>): Promise<never> {
  // Bun swallows the `--` itself.
  const command = process.argv.slice(process.argv[2] === '--' ? 3 : 2)
  if (command.length === 0) fail('Name a command to run: bun db/embedded/with-databases.ts -- <command>')
  // The terminal may close before everything has stopped.
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
    // Under `bun run` one Ctrl-C arrives twice: from the terminal and from the runner. A real second Ctrl-C ends this
    // process at once; its child processes then end by themselves.
    if (controller.signal.aborted && performance.now() - first > 1000) process.exit(1)
    if (controller.signal.aborted) return
    first = performance.now()
    controller.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt)
  if (process.env.npm_lifecycle_event) followRunner(() => controller.signal.aborted || interrupt())
  return controller.signal
}

/** `bun run dev` puts a runner between the terminal and this process; when it is killed, this process gets no signal. */
function followRunner(onGone: () => void): void {
  const runner = process.ppid
  setInterval(() => process.ppid !== runner && onGone(), 500).unref()
}
