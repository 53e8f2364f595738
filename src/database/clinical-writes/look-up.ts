import type { Mongo } from '../mongo'
import { type AppendOnly, findOrBlockEntry } from './append'
import { findOrBlock } from './insert'

/** A clinical write that no request finished, as its pending audit event describes it. */
export type PendingWrite = {
  writeId: string
  targetId: string | null
  patientIds: string[]
  detail: Record<string, string | number | boolean> | null
}

/** Looks the write up in MongoDB; if it is missing, blocks its id for good, so that a late attempt fails. */
export type LookUp = (mongo: Mongo, write: PendingWrite, now: Date) => Promise<'there' | 'blocked'>

/** Look-ups by the audit kind of the operation that writes; filled in where the operations are declared. */
export type LookUps = Map<string, LookUp>

/** For a write that inserts a document into the collection. */
export const lookUpDocument =
  (collection: string): LookUp =>
  (mongo, { writeId, patientIds }, now) =>
    findOrBlock(mongo, collection, { id: writeId, patientId: patientIds[0]! }, now)

/** For a write that appends to a list; `holderOf` is the id of the document with the list, by default the target. */
export const lookUpEntry =
  (list: AppendOnly, holderOf = ({ targetId }: PendingWrite) => targetId!): LookUp =>
  (mongo, write) => {
    const holder = { id: holderOf(write), patientId: write.patientIds[0]! }
    return findOrBlockEntry(mongo, list, holder, ['id', write.writeId])
  }
