import { afterAll } from 'bun:test'
import { stopDatabases } from './support/databases'
import { killServers } from './support/server'
import { useEveryCore } from './support/workers'

useEveryCore()

/**
 * Databases start when the first test asks for one, and stop after the last file. A worker of `--parallel` does not know
 * which file that is, and says after each that it is over: there they end with their owner.
 */
afterAll(async () => {
  killServers()
  if (process.env.BUN_TEST_WORKER_ID === undefined) await stopDatabases()
})
