export type Redis = {
  scriptLoad(script: string): Promise<string>
  evalsha<TArgs extends unknown[], TData = unknown>(sha1: string, keys: string[], args: TArgs): Promise<TData>
  decr(key: string): Promise<number>
  del(key: string): Promise<number>
  ping(): Promise<string>
  close(): void
}

/**
 * Loads the client, which only some installations need. Connects and reconnects by itself. A command fails after 200 ms, so a
 * slow Redis does not slow down requests.
 */
export function openRedis(url: string): Redis {
  const opened = connect(url)
  return {
    scriptLoad: async (script) => (await opened).script('LOAD', script) as Promise<string>,
    evalsha: async <TArgs extends unknown[], TData>(sha1: string, keys: string[], args: TArgs) =>
      (await opened).evalsha(sha1, keys.length, ...keys, ...(args as string[])) as Promise<TData>,
    decr: async (key) => (await opened).decr(key),
    del: async (key) => (await opened).del(key),
    ping: async () => (await opened).ping(),
    close: () => void opened.then((client) => client.disconnect()),
  }
}

async function connect(url: string) {
  const { Redis: Client } = await import('ioredis')
  const client = new Client(url, {
    commandTimeout: 200,
    connectTimeout: 2_000,
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  })
  // Each failed attempt to connect emits an error; commands report it as well.
  client.on('error', () => {})
  return client
}
