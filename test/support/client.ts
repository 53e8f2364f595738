import { holdToContract } from './contract'

export type Answer<T = unknown> = { status: number; headers: Headers; body: T; text: string }
type Options = {
  headers?: Record<string, string>
  query?: Record<string, string | number>
  /** Skips the check against the OpenAPI document, for answers that are deliberately outside of it. */
  raw?: boolean
}

// biome-ignore lint/suspicious/noExplicitAny: tests read members of answers whose schema is checked elsewhere
type Body = any

/** A small HTTP client of the app: JSON in, status, headers and JSON out; checks each answer against the document. */
export function createClient(send: (request: Request) => Promise<Response>, token?: () => Promise<string>) {
  async function call(
    method: string,
    path: string,
    body?: unknown,
    { headers = {}, query = {}, raw = false }: Options = {},
  ): Promise<Answer<Body>> {
    const url = new URL(path, 'http://localhost')
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
    const request = new Request(url, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${await token()}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: isBytesOrText(body) ? body : JSON.stringify(body),
    })
    const response = await send(request)
    const text = await response.text()
    if (!raw) await holdToContract({ method, url }, { status: response.status, headers: response.headers, text })
    const json = text !== '' && (response.headers.get('content-type')?.includes('json') ?? false)
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : undefined, text }
  }
  return {
    get: (path: string, options?: Options) => call('GET', path, undefined, options),
    post: (path: string, body?: unknown, options?: Options) => call('POST', path, body, options),
    put: (path: string, body?: unknown, options?: Options) => call('PUT', path, body, options),
    patch: (path: string, body?: unknown, options?: Options) => call('PATCH', path, body, options),
    delete: (path: string, options?: Options) => call('DELETE', path, undefined, options),
    call,
  }
}

/** Sent unchanged; everything else is sent as JSON. */
const isBytesOrText = (body: unknown): body is string | Uint8Array<ArrayBuffer> | undefined =>
  body === undefined || typeof body === 'string' || body instanceof Uint8Array

export type Client = ReturnType<typeof createClient>
