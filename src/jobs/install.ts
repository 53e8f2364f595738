import pg from 'pg'
import type { PgBoss, QueueResult } from 'pg-boss'
import type { Connection } from '../database/connection'
import { DEAD_LETTERS, QUEUES, type QueueSettings, queueOptions } from './queues'
import { findJobsSchema, type Timeouts, withSession } from './schema'

/**
 * Creates or updates the schema of pg-boss and the queues, under pg-boss's own lock. Leaves a schema that is newer than
 * this code as it is.
 */
export async function installJobs(connection: Connection): Promise<void> {
  const timeouts = { connectTimeoutMs: 5_000, statementTimeoutMs: 60_000, lockTimeoutMs: 10_000 }
  const config = { ...connection, ...timeouts, schema: connection.schema }
  const schema = await findJobsSchema(config)
  await ensureSchema(config, schema)
  const { openBoss } = await import('./boss')
  const boss = openBoss(config, { warn: () => {} }, schema)
  try {
    await boss.start()
    const present = new Map((await boss.getQueues()).map((queue) => [queue.name, queue]))
    if (!present.has(DEAD_LETTERS)) await boss.createQueue(DEAD_LETTERS)
    for (const [name, settings] of Object.entries(QUEUES)) await ensureQueue(boss, name, settings, present.get(name))
  } finally {
    await boss.stop()
  }
}

/** PostgreSQL refuses `create schema if not exists` without the right to create one, even if it exists. */
async function ensureSchema(connection: Connection & Timeouts, schema: string): Promise<void> {
  await withSession(connection, async (session) => {
    const { rows } = await session.query<{ exists: boolean }>(SCHEMA_EXISTS, [schema])
    if (!rows[0]!.exists) await session.query(`create schema if not exists ${pg.escapeIdentifier(schema)}`)
  })
}

const SCHEMA_EXISTS = 'select exists (select 1 from pg_namespace where nspname = $1)'

async function ensureQueue(boss: PgBoss, name: string, settings: QueueSettings, present: QueueResult | undefined) {
  const wanted = queueOptions(settings)
  const differs = (key: keyof typeof wanted) => present?.[key] !== wanted[key]
  if (!present) await boss.createQueue(name, wanted)
  else if ((Object.keys(wanted) as (keyof typeof wanted)[]).some(differs)) await boss.updateQueue(name, wanted)
}
