import { pino } from 'pino'

export type Logger = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const SECRETS = ['authorization', 'password', 'currentPassword', 'newPassword', 'refreshToken', 'accessToken', 'cookie']

/** JSON lines on stdout. Callers pass ids, never names or clinical text; what slips through by a known name is removed. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    redact: { paths: SECRETS.flatMap((key) => [key, `*.${key}`]), remove: true },
    serializers: { error: describeError },
    formatters: { level: (label) => ({ level: label }) },
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
  })
}

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
