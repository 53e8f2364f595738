import { Kysely, PostgresDialect } from 'kysely'
import type { Database } from '../../src/database/schema'
import type { Deps } from '../../src/deps'

/** Every database call of a request fails, except signing in and writing to the outbox. */
export function withoutDatabases(deps: Deps): Deps {
  const fail = () => {
    throw new Error('broken on purpose')
  }
  const nothing = new Proxy(deps.mongo.db, { get: () => fail })
  return {
    ...deps,
    db: new Kysely<Database>({
      dialect: new PostgresDialect({ pool: async () => fail() }),
      // The real plugins: a statement compiled here is cached and later runs on the other databases too.
      plugins: [...deps.db.getExecutor().plugins],
    }),
    postgres: { ...deps.postgres, transaction: async () => fail() },
    mongo: { ...deps.mongo, db: nothing, collection: fail, ready: async () => fail() },
  }
}
