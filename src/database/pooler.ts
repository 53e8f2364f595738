import pg from 'pg'
import type { Config } from '../config'
import { connectionOptions } from './connection'

const ANSWER_MS = 2_000

/**
 * Whether a connection keeps its server process from one transaction to the next. Behind a pooler in transaction or
 * statement mode it does not; then prepared statements, session locks and LISTEN fail, some of them silently.
 */
export async function keepsServerProcess(config: Config['postgres']): Promise<boolean> {
  const { onConnect: _, ...options } = connectionOptions(config, {
    ...config,
    name: 'clinic-api start',
    idleInTransactionMs: 15_000,
  })
  const [one, other] = [new pg.Client(options), new pg.Client(options)]
  for (const client of [one, other]) client.on('error', () => {})
  try {
    await one.connect()
    const mine = await processOf(one)
    await other.connect()
    await other.query('begin')
    // In transaction mode `other` has been given the free process of `one`, or `one` now gets another or none.
    if ((await processOf(other)) === mine) return false
    return (await Promise.race([processOf(one), Bun.sleep(ANSWER_MS)])) === mine
  } catch (error) {
    if (/statement pooling mode/.test((error as Error).message)) return false
    throw error
  } finally {
    await Promise.all([end(other), end(one)])
  }
}

async function processOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]!.pid
}

/** Does not wait for a statement that a pooler makes wait. */
async function end(client: pg.Client): Promise<void> {
  const ended = client.end().catch(() => {})
  await Promise.race([ended, Bun.sleep(100)])
}
