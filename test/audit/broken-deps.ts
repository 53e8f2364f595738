import type { KyselyPlugin } from 'kysely'
import type { Deps } from '../../src/deps'

/** All that a request can do fails, but for signing in and writing to the outbox. */
export function withoutDatabases(deps: Deps): Deps {
  const fail = () => {
    throw new Error('broken on purpose')
  }
  const failing: KyselyPlugin = { transformQuery: fail, transformResult: fail }
  const nothing = new Proxy(deps.mongo.db, { get: () => fail })
  return {
    ...deps,
    db: deps.db.withPlugin(failing),
    postgres: { ...deps.postgres, transaction: async () => fail() },
    mongo: { ...deps.mongo, db: nothing, collection: fail, ready: async () => fail() },
  }
}
