import { join } from 'node:path'
import type { Databases } from '../support/databases'
import { freePort } from '../support/ports'

export const ROOT = join(import.meta.dir, '../..')
const children: Bun.Subprocess[] = []
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

const secret = (length: number) => crypto.getRandomValues(new Uint8Array(length)).toHex()

/** As in production, except for the rate limits, which a load from one address would exceed. */
export function environmentOf({ environment }: Databases): Record<string, string> {
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    RATE_LIMIT: 'off',
    MIGRATE_ON_START: 'off',
    ...environment,
    JWT_ACCESS_SECRET: secret(32),
    JWT_REFRESH_SECRET: secret(32),
    PASSWORD_PEPPER: secret(32),
    AUDIT_SIGNING_KEY: secret(32),
  }
}

export type Server = { url: string; pid: number; stop(): Promise<void> }

/** The API as an operator starts it, in a process of its own; `flags` are for Bun. */
export const startApi = (env: Record<string, string>, ...flags: string[]) =>
  startServer('src/index.ts', env, '/health/ready', [process.execPath, ...flags])

/** The baseline: the same answers from bare handlers, with one named statement each. */
export const startBareServer = (env: Record<string, string>) => startServer('test/bench/bare-server.ts', env, '/')

/** `path` answers when the server is ready. */
export async function startServer(
  file: string,
  env: Record<string, string>,
  path: string,
  runtime: string[] = [process.execPath],
): Promise<Server> {
  const port = env.PORT ?? String(freePort())
  const child = Bun.spawn([...runtime, file], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env, PORT: port },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  children.push(child)
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${file} ended (${child.exitCode}) before it listened`)
    if (
      await fetch(url + path).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break
    await Bun.sleep(20)
  }
  return {
    url,
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM')
      await child.exited
    },
  }
}
