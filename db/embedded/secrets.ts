import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedDatabaseError } from './error'

const names = ['JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'PASSWORD_PEPPER', 'AUDIT_SIGNING_KEY'] as const

/** Random secrets for development, made once and kept in `secrets.json`, which only its owner can read. */
export function developmentSecrets(directory: string): Record<string, string> {
  const file = join(directory, 'secrets.json')
  const kept = readSecrets(file)
  const missing = names.filter((name) => !kept[name])
  if (missing.length === 0) return kept
  const made = Object.fromEntries(missing.map((name) => [name, randomBytes(48).toString('base64url')]))
  const secrets = { ...kept, ...made }
  writeFileSync(`${file}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
  return secrets
}

function readSecrets(file: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return {}
    throw new EmbeddedDatabaseError(`Cannot read ${file} (${error}): repair or delete it.`)
  }
}
