import { BSON } from 'mongodb'
import type { AppendOnly } from '../database/clinical-writes/append'
import { withMaps } from '../database/clinical-writes/outcome'
import { MAX_ENTRIES } from './envelope-schema'

/** Nothing is added to a document once it is this large, so that MongoDB's 16 MiB are never reached, nor pages too large. */
const MAX_BYTES = 1024 * 1024

/** What MongoDB checks in the moment of appending. */
export const roomIn = ({ list }: AppendOnly) => ({
  [`${list}.${MAX_ENTRIES - 1}`]: { $exists: false },
  $expr: { $lt: [{ $bsonSize: '$$ROOT' }, MAX_BYTES] },
})

/** The same of a document that was read. */
export function hasRoom(document: object, { list }: AppendOnly): boolean {
  const entries = Object.entries(document).find(([name]) => name === list)?.[1] as unknown[] | undefined
  return (
    (entries?.length ?? 0) < MAX_ENTRIES &&
    BSON.serialize(withMaps(document) as Map<string, unknown>).length < MAX_BYTES
  )
}
