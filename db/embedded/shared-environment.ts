import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from './environment'

/**
 * Writes the API's settings to `running.env` while the databases run: the project's other commands (`bun run audit:verify`,
 * `admin:create` …) read it by `--env-file`.
 */
export function shareEnvironment(directory: string, environment: Environment, names: string[]): { remove(): void } {
  const file = join(directory, 'running.env')
  rmSync(file, { force: true })
  writeFileSync(file, names.map((name) => `${name}=${JSON.stringify(environment[name])}\n`).join(''), { mode: 0o600 })
  return { remove: () => rmSync(file, { force: true }) }
}
