import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { chownSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { Client } from 'pg'
import { startEmbeddedMongo } from '../../db/embedded/mongo'
import { startEmbeddedPostgres } from '../../db/embedded/postgres'
import { createDatabases } from '../support/databases'
import { until } from '../support/until'
import { newFolder, newFolderWithCluster, removeFolders, untilQuiet } from './folders'
import { killAll, processesWith, start } from './processes'

setDefaultTimeout(60_000)

type Owner = { postgres: { host: string; port: number; user: string; database: string }; mongo: { uri: string } }

async function startOwner(folder: string, options?: Parameters<typeof start>[1]) {
  const program = start([process.execPath, join(import.meta.dir, 'owner.ts'), folder], options)
  await until(() => program.output().includes('\n') || program.hasExited())
  if (program.hasExited()) throw new Error(program.output())
  return { program, ...(JSON.parse(program.output()) as Owner) }
}

async function query(connection: Owner['postgres'], sql: string): Promise<unknown[]> {
  const client = new Client(connection)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function withMongo<T>(uri: string, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = await new MongoClient(uri).connect()
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

afterAll(async () => {
  killAll()
  await untilQuiet()
  removeFolders()
})

// Each test has its own folders, so that all can run at once; the first folder is on a disk, as for users.
describe.concurrent('embedded PostgreSQL', () => {
  test('embedded PostgreSQL keeps its data over a restart and has the extensions of the schema', async () => {
    const directory = join(newFolder(tmpdir()), 'postgres')
    const first = await startEmbeddedPostgres({ directory })
    await query(first, 'CREATE EXTENSION btree_gist; CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    await expect(query(first, 'SELECT 1')).rejects.toThrow()
    const second = await startEmbeddedPostgres({ directory })
    expect(await query(second, 'SELECT answer, current_database() AS db FROM kept')).toEqual([
      { answer: 42, db: 'clinic' },
    ])
    await second.stop()
    await second.stop()
  })

  test('embedded PostgreSQL takes settings, and turns off durability only if it is ephemeral', async () => {
    const directory = join(await newFolderWithCluster(), 'postgres')
    const lasting = await startEmbeddedPostgres({ directory, maxConnections: 7, settings: { work_mem: '7MB' } })
    const passing = await createDatabases()
    const names = "('fsync', 'max_connections', 'work_mem')"
    const settings = `SELECT name, current_setting(name) AS value FROM pg_settings WHERE name IN ${names}`
    expect(await query(lasting, settings)).toEqual([
      { name: 'fsync', value: 'on' },
      { name: 'max_connections', value: '7' },
      { name: 'work_mem', value: '7MB' },
    ])
    expect(await query(passing.postgres, settings)).toContainEqual({ name: 'fsync', value: 'off' })
    await Promise.all([lasting.stop(), passing.drop()])
  })

  test('embedded PostgreSQL starts although a killed server left a pid that is now another program', async () => {
    const directory = join(await newFolderWithCluster(), 'postgres')
    const first = await startEmbeddedPostgres({ directory })
    const pidFile = join(first.directory, 'data', 'postmaster.pid')
    const lines = readFileSync(pidFile, 'utf8').split('\n').slice(1)
    await first.stop()
    const other = start(['sleep', '60'])
    await Bun.write(pidFile, [`${other.pid}`, ...lines].join('\n'))
    const second = await startEmbeddedPostgres({ directory })
    expect(await query(second, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect(other.hasExited()).toBe(false)
    await second.stop()
  })
})

describe.concurrent('embedded MongoDB', () => {
  test('embedded MongoDB keeps its data over a restart', async () => {
    const directory = join(newFolder(), 'mongo')
    const first = await startEmbeddedMongo({ directory })
    await withMongo(first.uri, (client) => client.db('clinic').collection('kept').insertOne({ answer: 42 }))
    await first.stop()
    expect(await first.exited).toBe(0)
    const second = await startEmbeddedMongo({ directory })
    const count = await withMongo(second.uri, (client) =>
      client.db('clinic').collection('kept').countDocuments({ answer: 42 }),
    )
    expect(count).toBe(1)
    await second.stop()
    await second.stop()
  })

  test('embedded MongoDB stops cleanly after clients were killed under load and while another one writes', async () => {
    const directory = newFolder()
    const engine = await startEmbeddedMongo({ directory })
    const clients = [1, 2, 3].map(() => start([process.execPath, join(import.meta.dir, 'load.ts'), engine.uri]))
    await until(() => clients.every((client) => client.output().includes('busy')))
    const written = () => withMongo(engine.uri, (client) => client.db('load').collection('entries').countDocuments())
    await until(async () => (await written()) > 2000)
    const vanishing = clients.slice(1)
    for (const client of vanishing) client.kill('SIGKILL')
    await Promise.all(vanishing.map((client) => client.exited))
    await engine.stop()
    expect(await engine.exited).toBe(0)
    expect(readFileSync(join(directory, 'mongo.log'), 'utf8')).toBe('')
  })
})

describe.concurrent('both embedded databases', () => {
  test('both embedded databases work in a folder whose path is too long for a socket', async () => {
    const long = 'a-folder-with-a-long-name'.repeat(5)
    const folder = join(await newFolderWithCluster(`${long}/postgres`), long)
    const postgres = await startEmbeddedPostgres({ directory: join(folder, 'postgres') })
    const mongo = await startEmbeddedMongo({ directory: join(folder, 'mongo') })
    expect(await query(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect(await withMongo(mongo.uri, (client) => client.db('clinic').command({ ping: 1 }))).toEqual({ ok: 1 })
    await Promise.all([postgres.stop(), mongo.stop()])
  })

  test('both embedded databases name the owner of their folder, end with it even by kill -9, and keep every acknowledged write', async () => {
    const folder = await newFolderWithCluster()
    const { program, postgres, mongo } = await startOwner(folder)
    expect(processesWith(folder).length).toBeGreaterThan(2)
    const inUse = (directory: string) => `${join(folder, directory)} is already in use by process ${program.pid}`
    await expect(startEmbeddedPostgres({ directory: join(folder, 'postgres') })).rejects.toThrow(inUse('postgres'))
    await expect(startEmbeddedMongo({ directory: join(folder, 'mongo') })).rejects.toThrow(inUse('mongo'))
    await query(postgres, 'DROP TABLE IF EXISTS numbers; CREATE TABLE numbers (n int)')
    const sql = new Client(postgres)
    sql.on('error', () => {})
    await sql.connect()
    const documents = await new MongoClient(mongo.uri, {
      retryWrites: false,
      serverSelectionTimeoutMS: 10_000,
    }).connect()
    const acknowledged = { rows: 0, documents: 0 }
    const untilRefused = async (write: () => Promise<unknown>) => {
      while (
        await write().then(
          () => true,
          () => false,
        )
      );
    }
    const writers = [
      untilRefused(async () => {
        await sql.query('INSERT INTO numbers VALUES ($1)', [acknowledged.rows])
        acknowledged.rows++
      }),
      untilRefused(async () => {
        await documents.db('clinic').collection('numbers').insertOne({ n: acknowledged.documents })
        acknowledged.documents++
      }),
    ]
    await until(() => acknowledged.rows > 100 && acknowledged.documents > 100)
    process.kill(-program.pid, 'SIGKILL')
    await Promise.all(writers)
    await documents.close(true)

    const next = await startOwner(folder)
    expect(await query(next.postgres, 'SELECT count(*)::int AS n FROM numbers')).toEqual([{ n: expect.any(Number) }])
    const [{ n: rows }] = (await query(next.postgres, 'SELECT count(*)::int AS n FROM numbers')) as [{ n: number }]
    const kept = await withMongo(next.mongo.uri, (client) => client.db('clinic').collection('numbers').countDocuments())
    expect(rows).toBeGreaterThanOrEqual(acknowledged.rows)
    expect(kept).toBeGreaterThanOrEqual(acknowledged.documents)
    next.program.kill('SIGKILL')
    await until(() => processesWith(folder).length === 0)
  })

  test('both embedded databases say what to do about a folder that cannot be written', async () => {
    const folder = newFolder()
    await Bun.write(join(folder, 'file'), '')
    const directory = join(folder, 'file', 'below')
    await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(
      /^Cannot write to .*: make it writable for this user\.$/,
    )
    await expect(startEmbeddedMongo({ directory })).rejects.toThrow(
      /^Cannot write to .*: make it writable for this user\.$/,
    )
  })

  test.skipIf(process.getuid?.() !== 0)('both embedded databases run as an ordinary user', async () => {
    const folder = newFolder()
    chownSync(folder, 65_534, 65_534)
    const { program, postgres, mongo } = await startOwner(folder, { uid: 65_534, env: { HOME: folder } })
    expect(await query(postgres, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect(await withMongo(mongo.uri, (client) => client.db('clinic').command({ ping: 1 }))).toEqual({ ok: 1 })
    const [server] = processesWith(join(folder, 'postgres', 'data'))
    expect(readFileSync(`/proc/${server}/status`, 'utf8')).toContain('Uid:\t65534\t')
    program.kill('SIGKILL')
    await until(() => processesWith(folder).length === 0)
  })
})
