import { describe, expect, test } from 'bun:test'
import pg from 'pg'
import { migrate } from '../../db/migrate'
import { openChannel } from '../../src/database/channel'
import { connectionOptions } from '../../src/database/connection'
import { openBoss } from '../../src/jobs/boss'
import { createTestApp } from '../support/app'
import { countRoundTrips } from '../support/round-trips'
import { until } from '../support/until'

const t = await createTestApp()
const wire = await countRoundTrips(t)
const { postgres } = t.deps.config
const PURPOSE = {
  name: 'clinic-api test',
  connectTimeoutMs: 30_000,
  statementTimeoutMs: 1_000,
  lockTimeoutMs: 2_000,
  idleInTransactionMs: 3_000,
}
/** Settings of server, database or role that would change what is read or stored. */
const STRANGE = {
  datestyle: 'German, DMY',
  intervalstyle: 'iso_8601',
  timezone: 'Asia/Tokyo',
  client_encoding: 'LATIN1',
  bytea_output: 'escape',
  extra_float_digits: '-5',
  default_transaction_isolation: 'serializable',
}

/** Runs `work` while the database has these settings; only new connections see them. */
async function withDatabaseSettings(work: () => Promise<void>): Promise<void> {
  const { database } = postgres
  for (const [name, value] of Object.entries(STRANGE))
    await t.deps.postgres.pool.query(`alter database ${database} set ${name} = '${value}'`)
  try {
    await work()
  } finally {
    await t.deps.postgres.pool.query(`alter database ${database} reset all`)
  }
}

describe('a new connection', () => {
  test('a new connection of the pool takes one round trip after it has signed in', async () => {
    const signInAndSettings = 2
    const { answer, roundTrips } = await wire.measure(() => wire.deps.postgres.pool.connect())
    answer.release()
    expect(roundTrips).toBe(signInAndSettings)
  })

  test('settings of the database change neither what a connection reads nor what its transactions see', async () => {
    await withDatabaseSettings(async () => {
      const { onConnect, ...options } = connectionOptions(postgres, PURPOSE)
      const client = new pg.Client(options)
      await client.connect()
      expect((await client.query('show datestyle')).rows).toEqual([{ DateStyle: 'German, DMY' }])
      await onConnect(client)
      const { rows } = await client.query(`select date '2026-03-02'::text as day, 'ĄЖ'::text as name,
        timestamptz '2026-03-02T12:00:00Z'::text as instant, interval '1 day 2 hours'::text as period,
        '\\x01'::bytea::text as bytes, 0.1::float8::text as number, current_setting('transaction_isolation') as isolation`)
      expect(rows).toEqual([
        {
          day: '2026-03-02',
          name: 'ĄЖ',
          instant: '2026-03-02 12:00:00+00',
          period: '1 day 02:00:00',
          bytes: '\\x01',
          number: '0.1',
          isolation: 'read committed',
        },
      ])
      const limits = `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
        current_setting('idle_in_transaction_session_timeout') as idle`
      expect((await client.query(limits)).rows).toEqual([{ statement: '1s', lock: '2s', idle: '3s' }])
      await client.end()
    })
  })

  test('pool, job queue, channel and migrations all open their connections with these settings', async () => {
    await withDatabaseSettings(async () => {
      const copy = await countRoundTrips(t)
      const { rows } = await copy.deps.postgres.pool.query('show datestyle')
      expect(rows).toEqual([{ DateStyle: 'ISO, MDY' }])

      const boss = openBoss(postgres, t.deps.log)
      await boss.start()
      const { rows: ofJobs } = await boss.getDb().executeSql('show datestyle')
      expect(ofJobs).toEqual([{ DateStyle: 'ISO, MDY' }])
      await boss.stop({ graceful: false })

      const channel = openChannel(postgres, {
        name: 'settings',
        hear: () => {},
        catchUp: async () => {},
        log: t.deps.log,
      })
      channel.start()
      await until(() => channel.isCurrent())
      await channel.stop()
      await migrate(postgres)
    })
  })

  test('a connection whose settings cannot be set is destroyed, and the request fails', async () => {
    const options = connectionOptions(postgres, { ...PURPOSE, lockTimeoutMs: -7 })
    const pool = new pg.Pool({ ...options, max: 1 })
    expect(pool.query('select 1')).rejects.toThrow('lock_timeout')
    await pool.query('select 1').catch(() => {})
    expect(pool.totalCount).toBe(0)
    await pool.end()
  })
})
