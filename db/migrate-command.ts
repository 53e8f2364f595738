// `bun run migrate`: brings the database that POSTGRESQL_* names up to date.
import { explainPostgres } from '../src/database/explain-postgres'
import { migrate } from './migrate'

const { POSTGRESQL_HOST: host, POSTGRESQL_USER: user = 'postgres', POSTGRESQL_PASSWORD: password = '' } = process.env
const { POSTGRESQL_PORT: port = '5432', POSTGRESQL_DATABASE: database = 'clinic' } = process.env
const schema = process.env.POSTGRESQL_SCHEMA || undefined
if (!host) {
  console.error('Set POSTGRESQL_HOST (and _PORT, _USER, _PASSWORD, _DATABASE, _SCHEMA) to the database to migrate.')
  process.exit(1)
}
const connection = { host, port: Number(port), user, password, database, schema }
await migrate(connection, console.log).catch((error) => {
  console.error(explainPostgres(error, connection))
  process.exit(1)
})
