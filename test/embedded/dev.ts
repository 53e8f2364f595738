// The same as `bun dev`, with its own schema and demo data: `bun dev.ts -- <command>`.
import { Client } from 'pg'
import { runCommandLine } from '../../db/embedded/command-line'

await runCommandLine({
  async migrate(connection, print) {
    const client = new Client(connection)
    await client.connect()
    await client.query('CREATE TABLE IF NOT EXISTS notes (text text)')
    await client.end()
    print('migrated')
  },
  async seed(environment, print) {
    if (environment.SEED === 'fails') throw new Error('seed failed')
    print(`seeded with a pepper of ${environment.PASSWORD_PEPPER?.length}`)
  },
})
