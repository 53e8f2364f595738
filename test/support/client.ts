export type Answer<T = unknown> = { status: number; headers: Headers; body: T; text: string }
type Options = { headers?: Record<string, string>; query?: Record<string, string | number> }

// biome-ignore lint/suspicious/noExplicitAny: tests read members of answers whose schema is checked elsewhere
type Body = any

/** A small HTTP client over the app: JSON in, status, headers and JSON out. */
export function createClient(send: (request: Request) => Promise<Response>, token?: () => Promise<string>) {
  async function call(
    method: string,
    path: string,
    body?: unknown,
    { headers = {}, query = {} }: Options = {},
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
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    })
    const response = await send(request)
    const text = await response.text()
    const json = response.headers.get('content-type')?.includes('json') ?? false
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

export type Client = ReturnType<typeof createClient>
