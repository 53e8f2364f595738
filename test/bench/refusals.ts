import type { WorstShape } from '../contract/worst-shapes'
import { threadTimes } from './cpu'

/** Milliseconds of the server's CPU for one request, from so many one after the other. */
export async function costOf(pid: number, send: () => Promise<void>, times: number): Promise<number> {
  const before = threadTimes(pid)
  for (let i = 0; i < times; i++) await send()
  const used = [...threadTimes(pid)].map(([thread, time]) => time - (before.get(thread) ?? 0))
  return used.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / times / 1e6
}

/** Throws unless the request is refused with a 4xx of its content. */
export async function sendBad(
  url: string,
  method: string,
  { name, address, body, type }: WorstShape,
  headers: Record<string, string>,
): Promise<void> {
  const response = await fetch(url + address, { method, body, headers: { ...headers, 'content-type': type } })
  const text = await response.text()
  if (![400, 413, 415, 422].includes(response.status)) throw new Error(`${method} ${address}, ${name}: ${text}`)
}
