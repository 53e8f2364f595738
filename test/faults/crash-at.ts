// Preloaded into an API process to kill it at one point of a payment. CRASH_AT is `commit:3`, after the third commit
// that wrote to a payment table, or `before:1` or `after:1`, before or after the first call to Stripe.
import pg from 'pg'

const [kind, nth] = (process.env.CRASH_AT ?? 'never:0').split(':')
const counts: Record<string, number> = {}

function reached(point: 'commit' | 'before' | 'after'): void {
  counts[point] = (counts[point] ?? 0) + 1
  if (kind !== point || counts[point] !== Number(nth)) return
  process.kill(process.pid, 'SIGKILL')
  // Do nothing more until the signal arrives.
  for (;;);
}

const writing = new WeakSet<object>()
const WRITES = /\b(?:insert into|update)\s+"?payment/i
type Query = (this: pg.Client, query: string | { text?: string }, ...rest: unknown[]) => unknown
// pg types `query` by a dozen overloads, all of which pass through here.
const prototype = pg.Client.prototype as unknown as { query: Query }
const query = prototype.query
prototype.query = function (given, ...rest) {
  const text = typeof given === 'string' ? given : (given?.text ?? '')
  if (WRITES.test(text)) writing.add(this)
  const result = query.call(this, given, ...rest)
  if (!/^(?:commit|rollback)$/i.test(text)) return result
  const wrote = writing.delete(this)
  if (!wrote || /^rollback$/i.test(text) || !(result instanceof Promise)) return result
  return result.then((value) => {
    reached('commit')
    return value
  })
}

const send = globalThis.fetch
const toStripe = async (...args: Parameters<typeof fetch>) => {
  if (!String(args[0]).startsWith(process.env.STRIPE_BASE_URL ?? 'none')) return send(...args)
  reached('before')
  const response = await send(...args)
  reached('after')
  return response
}
globalThis.fetch = Object.assign(toStripe, { preconnect: send.preconnect })
