import pg from 'pg'
import { type Connection, connectionOptions } from '../database/connection'

export type Timeouts = { connectTimeoutMs: number; statementTimeoutMs: number; lockTimeoutMs: number }

/**
 * The schema of the job queue: each schema of the API has its own, so that several organisations can share a database.
 * That of `public` has always been called `pgboss`, and the jobs that wait there must not be lost.
 */
export const jobsSchemaOf = (schema: string) => (schema === 'public' ? 'pgboss' : `${schema}_pgboss`)

export async function findJobsSchema(connection: Connection & Timeouts): Promise<string> {
  return jobsSchemaOf(connection.schema ?? (await currentSchema(connection)))
}

const currentSchema = (connection: Connection & Timeouts): Promise<string> =>
  withSession(connection, async (session) => {
    const { rows } = await session.query<{ schema: string }>(`select coalesce(current_schema(), 'public') as schema`)
    return rows[0]!.schema
  })

/** A connection of its own for a few statements of the job queue. */
export async function withSession<T>(
  connection: Connection & Timeouts,
  run: (session: pg.Client) => Promise<T>,
): Promise<T> {
  const purpose = { ...connection, name: 'clinic-api jobs', idleInTransactionMs: 15_000 }
  const { onConnect, ...options } = connectionOptions(connection, purpose)
  const client = new pg.Client(options)
  client.on('error', () => {})
  try {
    await client.connect()
    await onConnect(client)
    return await run(client)
  } finally {
    await client.end().catch(() => {})
  }
}
