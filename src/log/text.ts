type Line = { level: string; time: string; msg: string } & Record<string, unknown>
type LoggedError = { name?: string; code?: unknown; frames?: string[]; cause?: LoggedError }

/** One log line for people: `12:00:00.123 GET /appointments/:id 200 3.4 ms 0198…`, or `12:00:00.123 WARN what happened`. */
export function asText(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Line
  const at = time.slice(11, 23)
  if (msg === 'request' && level !== 'error') {
    const { method, route, status, ms, actorId } = fields
    return `${at} ${method} ${route} ${status} ${ms} ms${actorId ? ` ${actorId}` : ''}\n`
  }
  const { error, ...rest } = fields as { error?: LoggedError }
  const named = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const first = [at, level === 'info' ? '' : level.toUpperCase(), msg, ...named].filter(Boolean).join(' ')
  return `${[first, ...causes(error)].join('\n')}\n`
}

function causes(error: LoggedError | undefined): string[] {
  if (!error) return []
  const { name, code, frames = [], cause } = error
  return [`    ${[name, code].filter(Boolean).join(' ')}`, ...frames, ...causes(cause)]
}
