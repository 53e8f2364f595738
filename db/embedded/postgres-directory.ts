import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheDirectory, isReachableByOthers, postgresUser, privateDirectory } from './directories'
import { EmbeddedDatabaseError } from './error'

/**
 * The folder for the cluster, its socket and its log: `directory` itself or, when root runs PostgreSQL in a folder that
 * only root can enter, one elsewhere that is noted down in `directory`.
 */
export function postgresDirectory(directory: string): string {
  if (postgresUser === undefined) return privateDirectory(directory)
  const place = isReachableByOthers(dirname(directory)) ? directory : placeElsewhere(directory)
  const data = join(place, 'data')
  if (existsSync(data) && statSync(data).uid !== postgresUser.uid) {
    throw new EmbeddedDatabaseError(`${data} was made by another user: start as that user, or delete it.`)
  }
  return privateDirectory(place, postgresUser)
}

function placeElsewhere(directory: string): string {
  const note = join(privateDirectory(directory), 'location')
  const known = existsSync(note) ? readFileSync(note, 'utf8').trim() : ''
  if (known !== '') return known
  mkdirSync(cacheDirectory(), { recursive: true, mode: 0o755 })
  const place = mkdtempSync(join(cacheDirectory(), 'postgres-data-'))
  writeFileSync(note, `${place}\n`)
  return place
}
