// A process that owns both databases: `bun owner.ts <folder>` prints where they are and stays until it is killed.
import { join } from 'node:path'
import { startEmbeddedMongo } from '../../db/embedded/mongo'
import { startEmbeddedPostgres } from '../../db/embedded/postgres'

const folder = process.argv[2] ?? '.'
try {
  const [postgres, mongo] = await Promise.all([
    startEmbeddedPostgres({ directory: join(folder, 'postgres') }),
    startEmbeddedMongo({ directory: join(folder, 'mongo') }),
  ])
  console.log(JSON.stringify({ postgres, mongo }))
  setInterval(() => {}, 60_000)
} catch (error) {
  console.error(String(error))
  process.exit(1)
}
