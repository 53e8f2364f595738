import { closeSync, openSync, readFileSync, renameSync } from 'node:fs'

export type OwnedProcess = {
  pid: number
  exited: Promise<number | null>
  /** The exit code; null after a signal, undefined while it runs. */
  exitCode(): number | null | undefined
  /** Keeps this process running until the other one has ended. */
  ref(): void
  /** Sends the stop signal, kills the process after its grace period, and waits until it has ended. */
  stop(): Promise<number | null>
}

type Options = {
  command: string[]
  stopSignal: 'INT' | 'TERM'
  /** Seconds between the stop signal and SIGKILL. */
  grace: number
  /** A file for its output; by default the output of this process. */
  log?: string
  env?: Record<string, string | undefined>
  cwd?: string
  user?: { uid: number; gid: number }
}

// The shell starts a watcher that reads a pipe from this process, then becomes the program itself: pid, exit code and
// signals are the program's own. When this process ends, even by kill -9, the watcher reads end of file and stops the
// program. The watcher is in the program's process group, so that the system cannot reuse the number $$ meanwhile.
const script = `
exec 3<&0 </dev/null
{
  trap '' HUP INT TERM
  while read -r _; do :; done
  kill -s "$1" $$
  left=$(($2 * 10))
  alive() { kill -0 $$ && ! grep -qs '^State:.Z' /proc/$$/status; }
  while [ $left -gt 0 ] && alive; do sleep 0.1; left=$((left - 1)); done
  kill -s KILL -- -$$
} <&3 3<&- >/dev/null 2>&1 &
shift 2
exec "$@" 3<&-`

// Garbage collection of a handle would close its pipe and so end the process.
const running = new Set<Bun.Subprocess<'pipe', 'inherit' | number, 'inherit' | number>>()

/** Starts a process in a session of its own, which always ends with this process. It does not keep this process running. */
export function startOwnedProcess(options: Options): OwnedProcess {
  const output = options.log === undefined ? undefined : openSync(options.log, 'w', 0o600)
  const child = Bun.spawn(['/bin/sh', '-c', script, 'sh', options.stopSignal, `${options.grace}`, ...options.command], {
    stdio: ['pipe', output ?? 'inherit', output ?? 'inherit'],
    env: options.env ?? process.env,
    cwd: options.cwd ?? '/',
    detached: true,
    ...options.user,
  })
  if (output !== undefined) closeSync(output)
  running.add(child)
  child.unref()

  let code: number | null | undefined
  const exited = child.exited.then(async () => {
    code = child.signalCode === null ? child.exitCode : null
    await child.stdin.end()
    running.delete(child)
    return code
  })

  return {
    pid: child.pid,
    exited,
    exitCode: () => code,
    ref: () => child.ref(),
    async stop() {
      child.ref()
      await child.stdin.end()
      return exited
    },
  }
}

/** Renames the log of the previous run to `<log>.old`. */
export function rotateLog(log: string): void {
  try {
    renameSync(log, `${log}.old`)
  } catch {}
}

/** The last lines of a log, for an error message. */
export function logTail(log: string, lines = 5): string {
  try {
    return readFileSync(log, 'utf8').trim().split('\n').slice(-lines).join('\n')
  } catch {
    return ''
  }
}
