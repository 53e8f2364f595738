import { afterAll } from 'bun:test'
import { killServers } from './ops/server'
import { stopDatabases } from './support/databases'

/** Databases start when the first test asks for one, and stop after the last file. */
afterAll(async () => {
  killServers()
  await stopDatabases()
})
