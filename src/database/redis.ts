import { Redis as Client } from 'ioredis'

export type Redis = {
  scriptLoad(script: string): Promise<string>
  evalsha<TArgs extends unknown[], TData = unknown>(sha1: string, keys: string[], args: TArgs): Promise<TData>
  decr(key: string): Promise<number>
  del(key: string): Promise<number>
  close(): void
}

/** Connects by itself, again and again; a command fails after 200 ms, since nothing here is worth waiting longer for. */
export function openRedis(url: string): Redis {
  const client = new Client(url, {
    commandTimeout: 200,
    connectTimeout: 2_000,
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  })
  // Every failed attempt to connect is one; whoever sends a command learns of it there.
  client.on('error', () => {})
  return {
    scriptLoad: (script) => client.script('LOAD', script) as Promise<string>,
    evalsha: <TArgs extends unknown[], TData>(sha1: string, keys: string[], args: TArgs) =>
      client.evalsha(sha1, keys.length, ...keys, ...(args as string[])) as Promise<TData>,
    decr: (key) => client.decr(key),
    del: (key) => client.del(key),
    close: () => client.disconnect(),
  }
}
