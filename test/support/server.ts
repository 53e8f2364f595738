import { join } from 'node:path'
import { runFolder } from './run-folder'

export const ROOT = join(import.meta.dir, '../..')

type LogLine = { level: string; msg: string } & Record<string, unknown>

const running = new Set<Bun.Subprocess>()

/** Kills the servers that a failed test left running. */
export function killServers(): void {
  for (const server of running) server.kill('SIGKILL')
}

let built: string | undefined

/** A program of the image, built on first use: a start from the sources takes half a second more of a core. */
export function builtProgram(name: string): string {
  built ??= build(join(runFolder(), 'dist'))
  return join(built, `${name}.js`)
}

function build(folder: string): string {
  const { success, stderr } = Bun.spawnSync([process.execPath, 'scripts/build.ts', folder], { cwd: ROOT })
  if (!success) throw new Error(stderr.toString())
  return folder
}

/**
 * The API in its own process, as an operator starts it; killed after the last test at the latest. With a `preload`,
 * which may change modules, it starts from the sources.
 */
export function startServer(env: Record<string, string | undefined>, { preload = '' } = {}) {
  const program = preload ? ['--preload', preload, 'src/index.ts'] : [builtProgram('index')]
  const child = Bun.spawn([process.execPath, ...program], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  void child.exited.then(() => running.delete(child))
  const lines: LogLine[] = []
  const reading = readLines(child.stdout, (line) => lines.push(JSON.parse(line) as LogLine))
  const complaint = new Response(child.stderr).text()

  async function logged(msg: string): Promise<LogLine> {
    for (;;) {
      const line = lines.find((one) => one.msg === msg)
      if (line) return line
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the server ended (${child.exitCode ?? child.signalCode}): ${await complaint}`)
      await Bun.sleep(5)
    }
  }

  return {
    lines,
    /** Waits for the first log line with this message. */
    logged,
    url: async () => String((await logged('listening')).address).replace(/\/$/, ''),
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Waits until the server has ended; returns its exit code and its standard error. */
    async ended() {
      const code = await child.exited
      await reading
      return { code, complaint: await complaint }
    },
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  let rest = ''
  for await (const chunk of stream.pipeThrough(new TextDecoderStream() as never) as unknown as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    lines.filter((line) => line !== '').forEach(take)
  }
}
