import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from './environment'

/**
 * While the databases are up, `running.env` in this folder tells the project's other commands (`bun run audit:verify`,
 * `admin:create` …) what the API was told: they read it by `--env-file`.
 */
export function shareEnvironment(directory: string, environment: Environment, names: string[]): { remove(): void } {
  const file = join(directory, 'running.env')
  rmSync(file, { force: true })
  writeFileSync(file, names.map((name) => `${name}=${JSON.stringify(environment[name])}\n`).join(''), { mode: 0o600 })
  return { remove: () => rmSync(file, { force: true }) }
}
