import { pino } from 'pino'
import { asText } from './log/text'

export type Logger = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const SECRETS = new Set([
  'authorization',
  'password',
  'currentPassword',
  'newPassword',
  'refreshToken',
  'accessToken',
  'cookie',
])

/** Logs lines of JSON, or text for people, to stdout. Callers pass ids, never names or clinical text; fields named like secrets are removed. */
export function createLogger(level: string, format: 'json' | 'text' = 'json'): Logger {
  const options = {
    level,
    serializers: { error: describeError },
    // pino's own `redact` parses its paths again for each line, which costs more than the rest of the line.
    formatters: { level: (label: string) => ({ level: label }), log: withoutSecrets },
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  if (format === 'json') return pino(options)
  const stdout = pino.destination({ dest: 1, sync: true })
  return pino(options, { write: (line: string) => void stdout.write(asText(line)) })
}

/** Removes secrets from the fields and one level below; no caller logs deeper objects. */
function withoutSecrets(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(isNotSecret)
      .map(([name, value]) => [
        name,
        isPlain(value) ? Object.fromEntries(Object.entries(value).filter(isNotSecret)) : value,
      ]),
  )
}

const isNotSecret = ([name]: [string, unknown]) => !SECRETS.has(name)

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** Name, code, constraint and stack only: a database error's message and detail quote the row it failed on. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { name: 'NonError' }
  const { code, constraint } = error as Error & { code?: unknown; constraint?: unknown }
  const frames = error.stack
    ?.split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 12)
  const cause = error.cause === undefined ? undefined : describeError(error.cause)
  return { name: error.name, code, constraint, frames, cause }
}
