import { Kysely, PostgresDialect } from 'kysely'
import type { Database } from '../../src/database/schema'
import type { Deps } from '../../src/deps'

/** All that a request can do fails, but for signing in and writing to the outbox. */
export function withoutDatabases(deps: Deps): Deps {
  const fail = () => {
    throw new Error('broken on purpose')
  }
  const nothing = new Proxy(deps.mongo.db, { get: () => fail })
  return {
    ...deps,
    db: new Kysely<Database>({
      dialect: new PostgresDialect({ pool: async () => fail() }),
      // As ever: what is compiled for this database is kept, and runs on the others too.
      plugins: [...deps.db.getExecutor().plugins],
    }),
    postgres: { ...deps.postgres, transaction: async () => fail() },
    mongo: { ...deps.mongo, db: nothing, collection: fail, ready: async () => fail() },
  }
}
