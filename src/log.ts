import { pino } from 'pino'

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

/** JSON lines on stdout. Callers pass ids, never names or clinical text; what slips through by a known name is removed. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    serializers: { error: describeError },
    // pino's own `redact` takes apart each of its paths again for each line: longer than all else about it.
    formatters: { level: (label) => ({ level: label }), log: withoutSecrets },
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
  })
}

/** Those of the fields, and one level below: deeper than that nobody logs. */
function withoutSecrets(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(isNoSecret)
      .map(([name, value]) => [
        name,
        isPlain(value) ? Object.fromEntries(Object.entries(value).filter(isNoSecret)) : value,
      ]),
  )
}

const isNoSecret = ([name]: [string, unknown]) => !SECRETS.has(name)

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
