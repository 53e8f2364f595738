import type { Stripe } from 'stripe'
import { ProviderError, type ProviderErrorKind } from '../../ledger/provider'

export type StripeClientOptions = {
  secretKey: string
  /** Origin of the API, for a mock or a proxy. Default: Stripe's own. */
  baseUrl?: string
}

/**
 * The official SDK, loaded when first used, on `fetch`; each request needs a `timeout`. It does not retry: callers do, with the
 * idempotency key, and a hidden second try would exceed the deadline.
 */
export async function createStripeClient({ secretKey, baseUrl }: StripeClientOptions): Promise<Stripe> {
  const { Stripe } = await import('stripe')
  const { protocol, hostname, port } = new URL(baseUrl ?? 'https://api.stripe.com')
  return new Stripe(secretKey, {
    // Safe: Bun's type of fetch also has `preconnect`, which the SDK never calls.
    httpClient: Stripe.createFetchHttpClient(fetchObject as typeof fetch),
    protocol: protocol === 'http:' ? 'http' : 'https',
    host: hostname,
    port: port || (protocol === 'http:' ? 80 : 443),
    maxNetworkRetries: 0,
    telemetry: false,
  })
}

/**
 * Rejects answers that the SDK cannot handle: stripe-node 23 never settles on JSON that is no object, and retries by
 * itself when it sees the code of a closed connection. A redirect would send the secret key to another host.
 */
async function fetchObject(...[url, init]: Parameters<typeof fetch>): Promise<Response> {
  try {
    const response = await fetch(url, { ...init, redirect: 'error' })
    const text = await response.text()
    const body: unknown = JSON.parse(text)
    if (typeof body !== 'object' || body === null) throw new Error(`no JSON object with status ${response.status}`)
    return new Response(text, response)
  } catch (cause) {
    throw new Error('no usable answer', { cause })
  }
}

/**
 * Runs calls of the SDK and turns its errors into ProviderError; other errors pass. Of Stripe's message only the code is
 * kept, because messages can quote the card holder.
 */
export async function callStripe<T>(calls: () => Promise<T>): Promise<T> {
  try {
    return await calls()
  } catch (error) {
    const { Stripe } = await import('stripe')
    if (!(error instanceof Stripe.errors.StripeError)) throw error
    const { statusCode, code = null, rawType = null, requestId = 'unknown' } = error
    if (statusCode === undefined)
      throw new ProviderError('unavailable', 'stripe', 'no valid answer in time', null, {
        cause: error,
      })
    throw new ProviderError(
      kindOf(statusCode, code),
      'stripe',
      `answered ${statusCode} to request ${requestId}`,
      code ?? rawType,
    )
  }
}

const REFUSALS = [400, 401, 403, 404]

function kindOf(status: number, code: string | null): ProviderErrorKind {
  if (status === 402) return 'declined'
  return REFUSALS.includes(status) && code !== 'rate_limit' ? 'rejected' : 'unavailable'
}
