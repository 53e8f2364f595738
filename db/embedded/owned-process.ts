import { closeSync, openSync, readFileSync, renameSync } from 'node:fs'

export type OwnedProcess = {
  pid: number
  exited: Promise<number | null>
  /** The exit code, null when a signal ended it, undefined while it runs. */
  exitCode(): number | null | undefined
  /** Keeps this process from ending before that one. */
  ref(): void
  /** Sends the stop signal, kills the process once its grace is over, and waits until it is gone. */
  stop(): Promise<number | null>
}

type Options = {
  command: string[]
  stopSignal: 'INT' | 'TERM'
  /** Seconds between the stop signal and SIGKILL. */
  grace: number
  /** A file for its output; inherited when left out. */
  log?: string
  env?: Record<string, string | undefined>
  cwd?: string
  user?: { uid: number; gid: number }
}

// The shell leaves a watcher behind that reads our end of a pipe, then becomes the program itself, so that its pid, exit
// code and signals are the program's own. However this process ends, kill -9 included, the watcher sees end of file. The
// watcher is in the program's process group, which keeps the number $$ from being given to another process meanwhile.
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

// Collecting a handle would close its pipe and so end the process.
const running = new Set<Bun.Subprocess<'pipe', 'inherit' | number, 'inherit' | number>>()

/** Starts a process in a session of its own that never outlives this one. It does not keep this process from ending. */
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

/** Keeps the log of the run before under `<log>.old`. */
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
