import { join } from 'node:path'
import type { Environment } from './environment'
import { startEmbeddedMongo } from './mongo'
import { startEmbeddedPostgres } from './postgres'

type Print = (line: string) => void

export type DevelopmentDatabases = {
  /** The API's settings for the embedded databases. */
  environment: Environment
  /** Whether both databases are embedded, so that nobody else uses them. */
  ownData: boolean
  /** Resolves with the name of the first embedded database that ends. */
  ended: Promise<string>
  /** The folders of the embedded data. */
  directories: string[]
  stop(): Promise<void>
}

/** Starts, in parallel, each database for which the environment names no server. */
export async function startDevelopmentDatabases(
  directory: string,
  environment: Environment,
  print: Print,
): Promise<DevelopmentDatabases> {
  const starting = [
    environment.POSTGRESQL_HOST ? undefined : timed('PostgreSQL', print, () => postgres(join(directory, 'postgres'))),
    environment.MONGODB_URI ? undefined : timed('MongoDB', print, () => mongo(join(directory, 'mongo'))),
  ].filter((one) => one !== undefined)

  const outcomes = await Promise.allSettled(starting)
  const started = outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ value }) => value)
  const stop = async () => void (await Promise.all(started.map((one) => one.stop())))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return {
    environment: Object.assign({}, ...started.map((one) => one.environment)),
    ownData: started.length === 2,
    ended: Promise.race([
      new Promise<never>(() => {}),
      ...started.map(async ({ exited, name }) => {
        await exited
        return name
      }),
    ]),
    directories: started.map((one) => one.directory),
    stop,
  }
}

async function postgres(directory: string) {
  const server = await startEmbeddedPostgres({ directory })
  const environment = {
    POSTGRESQL_HOST: server.host,
    POSTGRESQL_PORT: `${server.port}`,
    POSTGRESQL_USER: server.user,
    POSTGRESQL_PASSWORD: server.password,
    POSTGRESQL_DATABASE: server.database,
  }
  return { ...server, name: 'PostgreSQL', environment }
}

async function mongo(directory: string) {
  const engine = await startEmbeddedMongo({ directory })
  return { ...engine, name: 'MongoDB', environment: { MONGODB_URI: engine.uri } }
}

async function timed<T>(name: string, print: Print, start: () => Promise<T>): Promise<T> {
  const begin = performance.now()
  const started = await start()
  print(`${name} is up (${((performance.now() - begin) / 1000).toFixed(1)} s)`)
  return started
}
