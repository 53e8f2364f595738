import { afterAll } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startEmbeddedMongo } from '../../db/embedded/mongo'
import { startEmbeddedPostgres } from '../../db/embedded/postgres'
import { migrate } from '../../db/migrate'
import { createTestApp } from '../support/app'
import { putCluster } from '../support/cluster'
import { runFolder } from '../support/run-folder'

/** The real app on database servers of its own, so that a test may stop and restart them. */
export async function createAppOnOwnServers(environment: Record<string, string> = {}) {
  const folder = mkdtempSync(join(runFolder(), 'own-databases-'))
  chmodSync(folder, 0o755)
  const directory = join(folder, 'postgres')
  await putCluster(directory)
  const startPostgres = () => startEmbeddedPostgres({ directory, ephemeral: true })
  const startMongo = () => startEmbeddedMongo({ directory: join(folder, 'mongo'), ephemeral: true })
  let [postgres, mongo] = await Promise.all([startPostgres(), startMongo()])
  afterAll(async () => {
    await Promise.all([postgres.stop(), mongo.stop()])
    rmSync(folder, { recursive: true, force: true })
  })
  await migrate(postgres)
  const app = await createTestApp({
    POSTGRESQL_HOST: postgres.host,
    POSTGRESQL_PORT: `${postgres.port}`,
    POSTGRESQL_USER: postgres.user,
    POSTGRESQL_PASSWORD: postgres.password,
    POSTGRESQL_DATABASE: postgres.database,
    MONGODB_URI: mongo.uri,
    ...environment,
  })
  return {
    ...app,
    stopPostgres: () => postgres.stop(),
    async startPostgres() {
      postgres = await startPostgres()
    },
    stopMongo: () => mongo.stop(),
    async startMongo() {
      mongo = await startMongo()
    },
  }
}
