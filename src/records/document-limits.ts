import { BSON } from 'mongodb'
import type { AppendOnly } from '../database/clinical-writes/append'
import { withMaps } from '../database/clinical-writes/outcome'
import { MAX_ENTRIES } from './envelope-schema'

/** A larger document takes no more entries: keeps it far below MongoDB's limit of 16 MiB, and pages small. */
const MAX_BYTES = 1024 * 1024

/** The limits as a filter that MongoDB checks in the same step as it appends. */
export const withinLimitsFilter = ({ list }: AppendOnly) => ({
  [`${list}.${MAX_ENTRIES - 1}`]: { $exists: false },
  $expr: { $lt: [{ $bsonSize: '$$ROOT' }, MAX_BYTES] },
})

/** The same limits, checked on a document in memory. */
export function isWithinLimits(document: object, { list }: AppendOnly): boolean {
  const entries = Object.entries(document).find(([name]) => name === list)?.[1] as unknown[] | undefined
  return (
    (entries?.length ?? 0) < MAX_ENTRIES &&
    BSON.serialize(withMaps(document) as Map<string, unknown>).length < MAX_BYTES
  )
}
