import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { seed } from '../../db/seed'
import { createDatabases } from '../support/databases'
import { freePort } from '../support/ports'
import { runFolder } from '../support/run-folder'
import { type Bench, median, printTable } from './bench'
import { environmentOf } from './servers'

const ROOT = join(import.meta.dir, '../..')
const LEAST_ROUNDS = 9
const BETWEEN_ATTEMPTS_MS = 2
const PATH = '/doctors?specialization=Cardiology'

type Candidate = { title: string; command: string[]; cwd: string }
type Start = { wallMs: number; cpuMs: number }

/** The bare server comes first: the others are compared with it. */
const CANDIDATES: Candidate[] = [
  { title: 'bare server', command: ['bun', 'test/bench/bare-server.ts'], cwd: ROOT },
  { title: 'bun src/index.ts', command: ['bun', 'src/index.ts'], cwd: ROOT },
  { title: 'dist/', command: ['bun', 'dist/index.js'], cwd: runFolder() },
  { title: "the image's command", command: imageCommand(), cwd: runFolder() },
]

export const bench: Bench = {
  title: 'from the start of a process to its first answer, a page of doctors, in a database that is up to date',
  async run({ rounds }) {
    const databases = await createDatabases()
    await seed({ ...environmentOf(databases), NODE_ENV: 'development' })
    const env = { ...environmentOf(databases), MIGRATE_ON_START: 'on', LOG_LEVEL: 'error' }
    const built = join(runFolder(), 'dist')
    Bun.spawnSync([process.execPath, 'scripts/build.ts', built], { cwd: ROOT })
    const starts = CANDIDATES.map((): Start[] => [])
    // The first round fills the caches of files.
    for (let round = 0; round <= Math.max(rounds, LEAST_ROUNDS); round++) {
      for (const [i, candidate] of CANDIDATES.entries()) {
        const start = await startOnce(candidate, env)
        if (round > 0) starts[i]!.push(start)
      }
    }
    rmSync(built, { recursive: true, force: true })
    print(starts)
  },
}

/** Ends the process with its first answer, so that its CPU time is that of the start alone. */
async function startOnce({ title, command, cwd }: Candidate, env: Record<string, string>): Promise<Start> {
  const port = freePort()
  const begun = performance.now()
  const [program, ...words] = command
  const child = Bun.spawn([program === 'bun' ? process.execPath : program!, ...words], {
    cwd,
    env: { PATH: process.env.PATH, ...env, PORT: `${port}` },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${title} ended (${child.exitCode}) before it answered`)
    await Bun.sleep(BETWEEN_ATTEMPTS_MS)
  }
  const wallMs = performance.now() - begun
  child.kill('SIGKILL')
  await child.exited
  return { wallMs, cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1_000 }
}

async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${PATH}`)
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

function imageCommand(): string[] {
  const [, command] = /^CMD (\[.+\])$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')) ?? []
  return JSON.parse(command ?? '[]') as string[]
}

function print(starts: Start[][]): void {
  const middle = (of: Start[], key: keyof Start) => median(of.map((start) => start[key]))
  const whole = (value: number) => value.toFixed(0)
  const [bare] = starts
  printTable(
    ['', 'ms: least', 'median', '÷ bare', 'CPU ms: least', 'median', '÷ bare'],
    starts.map((of, i) => [
      CANDIDATES[i]!.title,
      whole(Math.min(...of.map(({ wallMs }) => wallMs))),
      whole(middle(of, 'wallMs')),
      (middle(of, 'wallMs') / middle(bare!, 'wallMs')).toFixed(2),
      whole(Math.min(...of.map(({ cpuMs }) => cpuMs))),
      whole(middle(of, 'cpuMs')),
      (middle(of, 'cpuMs') / middle(bare!, 'cpuMs')).toFixed(2),
    ]),
  )
}
