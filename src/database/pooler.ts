import pg from 'pg'
import type { Config } from '../config'
import { connectionOptions } from './connection'

const ANSWER_MS = 2_000

/** The answer of `ask`, and whether a session keeps its server process from one transaction to the next. */
export type FirstSession<T> = { keepsProcess: boolean; answer: T }

/**
 * Asks something on a session of its own, and finds out whether it keeps its server process. Behind a pooler in transaction
 * or statement mode it does not; then prepared statements, session locks and LISTEN fail, some of them silently.
 */
export async function askFirstSession<T>(
  config: Config['postgres'],
  ask: (session: pg.Client) => Promise<T>,
): Promise<FirstSession<T | undefined>> {
  const { onConnect, ...options } = connectionOptions(config, {
    ...config,
    name: 'clinic-api start',
    idleInTransactionMs: 15_000,
  })
  const [one, other] = [new pg.Client(options), new pg.Client(options)]
  for (const client of [one, other]) client.on('error', () => {})
  try {
    await Promise.all([one.connect(), other.connect()])
    await onConnect(one)
    const answer = await ask(one)
    return { answer, keepsProcess: await keepsProcess(one, other) }
  } catch (error) {
    if (/statement pooling mode/.test((error as Error).message)) return { answer: undefined, keepsProcess: false }
    throw error
  } finally {
    await Promise.all([end(other), end(one)])
  }
}

async function keepsProcess(one: pg.Client, other: pg.Client): Promise<boolean> {
  const mine = await processOf(one)
  await other.query('begin')
  // In transaction mode `other` has been given the free process of `one`, or `one` now gets another or none.
  if ((await processOf(other)) === mine) return false
  return (await Promise.race([processOf(one), Bun.sleep(ANSWER_MS)])) === mine
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
