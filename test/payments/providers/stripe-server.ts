import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Stripe } from 'stripe'
import { createStripeAccount, type Params, Refusal } from './stripe-account'

/** The fault of one request, which has its effect except with `cut_before`, `server_error` and `bad_gateway`. */
export type NetworkFault =
  | 'cut_before'
  | 'cut_during'
  | 'cut_after'
  | 'slow'
  | 'server_error'
  | 'bad_gateway'
  | { status?: number; body?: string; headers?: Record<string, string>; delayMs?: number }

type Answer = { status: number; body: string; headers: Record<string, string> }
type Kept = { fingerprint: string; answer: Answer | undefined }

export type StripeServerOptions = {
  secretKey: string
  clock: () => Date
  /** Receives each event as Stripe would send it, but unsigned; `sign` makes the signature. */
  onEvent?: (event: { type: string; rawBody: string }) => void
}

/** Stripe's API on loopback, as far as the port uses it: form-encoded in, JSON out, idempotency keys, error objects. */
export async function startStripeServer({ secretKey, clock, onEvent }: StripeServerOptions) {
  const faults: { fault: NetworkFault; only?: 'write' }[] = []
  const kept = new Map<string, Kept>()
  let requests = 0

  function emit(type: string, object: object) {
    const event = {
      id: newId('evt'),
      object: 'event',
      api_version: Stripe.API_VERSION,
      created: Math.floor(clock().getTime() / 1000),
      data: { object },
      livemode: false,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      type,
    }
    onEvent?.({ type, rawBody: JSON.stringify(event, null, 2) })
  }
  const account = createStripeAccount(clock, emit)

  const routes: [method: string, path: RegExp, run: (params: Params, id: string) => object][] = [
    ['POST', /^\/v1\/payment_intents$/, (params) => account.createIntent(params)],
    ['GET', /^\/v1\/payment_intents\/(\w+)$/, (params, id) => account.findIntent(id, params)],
    ['POST', /^\/v1\/payment_intents\/(\w+)\/cancel$/, (_params, id) => account.cancelIntent(id)],
    ['POST', /^\/v1\/refunds$/, (params) => account.createRefund(params)],
    ['GET', /^\/v1\/refunds$/, (params) => account.listRefunds(params)],
    ['GET', /^\/v1\/refunds\/(\w+)$/, (_params, id) => account.findRefund(id)],
    ['GET', /^\/v1\/charges$/, (params) => account.listCharges(params)],
  ]

  function run(method: string, path: string, params: Params): object {
    for (const [wanted, pattern, effect] of routes) {
      const match = method === wanted ? pattern.exec(path) : null
      if (match) return effect(params, match[1] ?? '')
    }
    throw new Refusal(404, {
      type: 'invalid_request_error',
      message: `Unrecognized request URL (${method}: ${path}).`,
    })
  }

  function answer(status: number, body: object, headers: Record<string, string> = {}): Answer {
    const request = { 'content-type': 'application/json', 'request-id': newId('req') }
    return { status, body: JSON.stringify(body, null, 2), headers: { ...request, ...headers } }
  }

  const refuse = ({ status, body }: Refusal, headers?: Record<string, string>) =>
    answer(status, { error: body }, headers)

  /** https://docs.stripe.com/api/idempotent_requests: errors are stored too, once the endpoint began to run. */
  async function handle(request: IncomingMessage, url: URL, body: string): Promise<Answer> {
    if (request.headers.authorization !== `Bearer ${secretKey}`)
      return refuse(new Refusal(401, { type: 'invalid_request_error', message: 'Invalid API Key provided.' }))
    const { method = 'GET' } = request
    const form = method === 'POST' ? body : url.search.slice(1)
    const key = request.headers['idempotency-key'] as string | undefined
    const fingerprint = `${method} ${url.pathname} ${form}`
    const before = key === undefined ? undefined : kept.get(key)
    if (before && before.fingerprint !== fingerprint) return refuse(KEY_REUSED)
    if (before && !before.answer) return refuse(KEY_IN_USE)
    if (before?.answer)
      return { ...before.answer, headers: { ...before.answer.headers, 'idempotent-replayed': 'true' } }

    const entry: Kept = { fingerprint, answer: undefined }
    if (key !== undefined) kept.set(key, entry)
    await new Promise(setImmediate)
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
    try {
      entry.answer = answer(200, run(method, url.pathname, unfold(form)), headers)
      return entry.answer
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const refusal = refuse(error, headers)
      if (error.kept) entry.answer = refusal
      else if (key !== undefined) kept.delete(key)
      return refusal
    }
  }

  async function serve(request: IncomingMessage, response: ServerResponse) {
    const body = await text(request)
    requests++
    const fault = request.method === 'POST' || !faults[0]?.only ? faults.shift()?.fault : undefined
    if (fault === 'cut_before') return void request.socket.destroy()
    if (fault === 'server_error') return send(response, answer(500, { error: API_ERROR }))
    if (fault === 'bad_gateway') return send(response, { status: 502, headers: HTML, body: '<html>Bad Gateway</html>' })
    const given = await handle(request, new URL(request.url!, 'http://stripe'), body)
    if (fault === undefined) return send(response, given)
    if (fault === 'cut_after') return void request.socket.destroy()
    if (fault === 'slow') return
    if (typeof fault === 'object') {
      const { delayMs = 0, headers, ...changes } = fault
      await new Promise((resolve) => setTimeout(resolve, delayMs))
      return send(response, { ...given, ...changes, headers: { ...given.headers, ...headers } })
    }
    response.writeHead(given.status, { ...given.headers, 'content-length': given.body.length })
    response.write(given.body.slice(0, given.body.length / 2), () => request.socket.destroy())
  }

  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    ...account,
    url: `http://127.0.0.1:${port}`,
    /** The next `times` requests meet the fault; with `only`, the next requests that change something. */
    disturb: (fault: NetworkFault, { times = 1, only }: { times?: number; only?: 'write' } = {}) =>
      void faults.push(...Array.from({ length: times }, () => ({ fault, only }))),
    /** Removes the faults that no request has met. */
    calm: () => void faults.splice(0),
    /** Forgets all idempotency keys, as Stripe does after 24 hours. */
    forgetKeys: () => kept.clear(),
    requests: () => requests,
    /** Sends an event of any kind. */
    emit,
    /** The signature header of a webhook, made by Stripe's own SDK. */
    sign: (rawBody: string, secret: string, at: Date) =>
      Stripe.webhooks.generateTestHeaderStringAsync({
        payload: rawBody,
        secret,
        timestamp: Math.floor(at.getTime() / 1000),
        cryptoProvider: Stripe.createSubtleCryptoProvider(),
      }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type StripeServer = Awaited<ReturnType<typeof startStripeServer>>

const HTML = { 'content-type': 'text/html' }
const API_ERROR = { type: 'api_error', message: 'An unknown error occurred' }
const KEY_REUSED = new Refusal(400, {
  type: 'idempotency_error',
  message: 'Keys for idempotent requests can only be used with the same parameters they were first used with.',
})
const KEY_IN_USE = new Refusal(409, {
  type: 'idempotency_error',
  code: 'idempotency_key_in_use',
  message: 'There is currently another in-progress request using this Idempotent Key.',
})

const newId = (prefix: string) => `${prefix}_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers).end(body)
}

function unfold(form: string): Params {
  const params: Params = {}
  for (const [name, value] of new URLSearchParams(form)) {
    const path = name.split(/[[\]]+/).filter(Boolean)
    const last = path.pop()!
    let at = params
    for (const part of path) {
      at[part] ??= {}
      at = at[part] as Params
    }
    at[last] = value
  }
  return params
}
