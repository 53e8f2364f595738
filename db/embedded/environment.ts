import type { PostgresConnection } from '../migrate'
import { EmbeddedDatabaseError } from './error'

export type Environment = Record<string, string>

/** Leaves out unset and blank entries: a copied `.env.example` has many. */
export function withoutBlanks(environment: Record<string, string | undefined>): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  )
}

/** @throws EmbeddedDatabaseError in production, where data must not depend on a development tool. */
export function refuseProduction(environment: Environment): void {
  if (environment.NODE_ENV !== 'production') return
  throw new EmbeddedDatabaseError(
    'The embedded databases are for development only: unset NODE_ENV=production, or start the API by itself.',
  )
}

/** The port for the API. */
export function apiPort(environment: Environment): number {
  const port = Number(environment.PORT ?? 3000)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new EmbeddedDatabaseError(`PORT must be a number from 1 to 65535, not "${environment.PORT}".`)
}

/**
 * The address of PostgreSQL as the environment names it.
 * @throws EmbeddedDatabaseError when settings are missing.
 */
export function postgresConnection(environment: Environment): PostgresConnection {
  const { POSTGRESQL_HOST: host, POSTGRESQL_USER: user, POSTGRESQL_DATABASE: database } = environment
  if (!host || !user || !database) {
    throw new EmbeddedDatabaseError('POSTGRESQL_HOST is set: set POSTGRESQL_USER and POSTGRESQL_DATABASE as well.')
  }
  const { POSTGRESQL_PORT: port = '5432', POSTGRESQL_PASSWORD: password = '' } = environment
  return { host, port: Number(port), user, password, database, schema: environment.POSTGRESQL_SCHEMA }
}
