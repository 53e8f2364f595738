import { afterAll } from 'bun:test'
import { stopDatabases } from './support/databases'
import { killServers } from './support/server'

/** Databases start when the first test asks for one, and stop after the last file. */
afterAll(async () => {
  killServers()
  await stopDatabases()
})
