import { afterAll } from 'bun:test'
import { stopDatabases } from './support/databases'

/** Databases start when the first test asks for one, and stop after the last file. */
afterAll(stopDatabases)
