// `bun db/embedded/with-databases.ts -- <command>` runs a command with both databases up. For development only.
import { migrate } from '../migrate'
import { EmbeddedDatabaseError } from './error'
import { runWithDatabases } from './run-with-databases'

const separator = process.argv.indexOf('--')
const command = separator < 0 ? [] : process.argv.slice(separator + 1)
if (command.length === 0) {
  console.error('Say what to run: bun db/embedded/with-databases.ts -- <command>')
  process.exit(1)
}
const interruption = new AbortController()

/** A second signal does not wait: the databases then end by themselves. */
function interrupt(): void {
  if (interruption.signal.aborted) process.exit(1)
  interruption.abort()
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
// `bun run dev` puts a runner between the terminal and this process, which may be killed without a word to it.
const runner = process.ppid
if (process.env.npm_lifecycle_event) {
  setInterval(() => process.ppid !== runner && !interruption.signal.aborted && interrupt(), 500).unref()
}
// The terminal may be gone while there is still something to stop.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

try {
  process.exitCode = await runWithDatabases({
    command,
    folder: process.cwd(),
    environment: process.env,
    signal: interruption.signal,
    print: (line) => console.log(line),
    migrate,
    // Only the first start needs it, and it brings the application with it.
    seed: async (environment, print) => (await import('../seed')).seed(environment, print),
  })
} catch (error) {
  if (error !== interruption.signal.reason) {
    console.error(error instanceof EmbeddedDatabaseError ? error.message : error)
    process.exitCode = 1
  }
}
process.exit()
