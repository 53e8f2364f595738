import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgresUser } from './directories'
import { EmbeddedDatabaseError } from './error'

const leaveDeadline = 25_000
// Higher than any pid of a real process.
const nobodysPid = '2147483647'

/** Creates the database cluster once; an interrupted attempt leaves only a draft, which is deleted. */
export async function initialiseCluster(
  native: string,
  data: string,
  { durable }: { durable: boolean },
): Promise<void> {
  if (existsSync(join(data, 'PG_VERSION'))) return
  const draft = `${data}.new`
  rmSync(draft, { recursive: true, force: true })
  const initdb = Bun.spawn({
    cmd: [
      join(native, 'bin', 'initdb'),
      ...['-D', draft, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-instructions'],
      ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ...(durable ? [] : ['--no-sync']),
    ],
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    ...postgresUser,
  })
  const [exitCode, problem] = await Promise.all([initdb.exited, new Response(initdb.stderr).text()])
  if (problem.includes('could not look up effective user ID'))
    throw new EmbeddedDatabaseError(
      `PostgreSQL needs a user that has a name, and ${process.getuid?.()} has none: run as a user in /etc/passwd, or set POSTGRESQL_HOST.`,
    )
  if (exitCode !== 0) throw new EmbeddedDatabaseError(`initdb could not make ${draft}: ${problem.trim()}`)
  renameSync(draft, data)
}

/** Whether the server with this pid accepts connections. */
export function isServing(data: string, pid: number): boolean {
  const file = pidFile(data)
  return file[0] === `${pid}` && file[7]?.trim() === 'ready'
}

/**
 * Waits until a previous server, whose owner was killed, has shut down. The caller holds the directory's lock.
 * @throws EmbeddedDatabaseError when it does not end.
 */
export async function awaitFormerServer(data: string): Promise<void> {
  const until = Date.now() + leaveDeadline
  while (true) {
    const pid = Number(pidFile(data)[0])
    if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return
    if (!commandOf(pid).includes('postgres')) return disownPidFile(data)
    if (Date.now() > until) {
      throw new EmbeddedDatabaseError(`PostgreSQL process ${pid} still uses ${data}: stop it first.`)
    }
    await Bun.sleep(20)
  }
}

function pidFile(data: string): string[] {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}

function commandOf(pid: number): string {
  if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  return Bun.spawnSync(['ps', '-o', 'args=', '-p', `${pid}`]).stdout.toString()
}

// After a crash another program may have this pid, and PostgreSQL would refuse to start. Only the pid is replaced: from the
// other lines PostgreSQL finds out whether old backends still use the data.
function disownPidFile(data: string): void {
  const [, ...rest] = pidFile(data)
  writeFileSync(join(data, 'postmaster.pid'), [nobodysPid, ...rest].join('\n'))
}
