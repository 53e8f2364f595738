import { readdirSync, readFileSync } from 'node:fs'

/** The processes with `text` in their command line. */
export function processesWith(text: string): number[] {
  return commandLines().flatMap(({ pid, command }) => (command.includes(text) && pid !== process.pid ? [pid] : []))
}

function commandLines(): { pid: number; command: string }[] {
  if (process.platform !== 'linux') {
    const lines = Bun.spawnSync(['ps', '-axo', 'pid=,args=']).stdout.toString().split('\n')
    return lines.map((line) => ({ pid: Number.parseInt(line, 10), command: line }))
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return { pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8') }
      } catch {
        return { pid: Number(name), command: '' }
      }
    })
}

export type Program = {
  pid: number
  /** Everything it has printed so far. */
  output(): string
  exited: Promise<number>
  hasExited(): boolean
  kill(signal: NodeJS.Signals): void
}

type Options = { cwd?: string; env?: Record<string, string>; uid?: number }

const started: Program[] = []

/** Starts a program in a process group of its own; `killAll` ends it at the latest. */
export function start(command: string[], { cwd, env, uid }: Options = {}): Program {
  const child = Bun.spawn(command, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd,
    env: { ...process.env, NODE_ENV: '', ...env },
    detached: true,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  let output = ''
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) output += decoder.decode(chunk, { stream: true })
  }
  const drained = Promise.all([read(child.stdout), read(child.stderr)])
  const program = {
    pid: child.pid,
    output: () => output,
    exited: child.exited.then(async (code) => {
      await Promise.race([drained, Bun.sleep(200)])
      return code
    }),
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
  }
  started.push(program)
  return program
}

/** Ends, by kill -9, every program that `start` started. */
export function killAll(): void {
  for (const program of started.splice(0)) program.kill('SIGKILL')
}
