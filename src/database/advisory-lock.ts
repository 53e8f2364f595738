import type pg from 'pg'
import type { Postgres } from './postgres'
import { scopedNameSql } from './schema-scope'

/**
 * Runs `task` while this copy holds the lock of that name; returns undefined at once if another copy holds it. The lock
 * belongs to one connection: if that is lost, another copy may begin before `task` has ended.
 */
export async function withTryLock<T>({ pool }: Postgres, name: string, task: () => Promise<T>): Promise<T | undefined> {
  const client = await pool.connect()
  let unlocked = false
  try {
    if (!(await callLock(client, 'pg_try_advisory_lock', name))) {
      unlocked = true
      return undefined
    }
    try {
      return await task()
    } finally {
      unlocked = await callLock(client, 'pg_advisory_unlock', name).catch(() => false)
    }
  } finally {
    // A connection that may still hold the lock must not go back to the pool.
    client.release(!unlocked)
  }
}

async function callLock(client: pg.PoolClient, verb: 'pg_try_advisory_lock' | 'pg_advisory_unlock', name: string) {
  const { rows } = await client.query(
    `select ${verb}(hashtext('task'), hashtext(${scopedNameSql('$1::text')})) as done`,
    [name],
  )
  return rows[0].done as boolean
}
