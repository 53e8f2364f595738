import type { Document, Filter, UpdateFilter } from 'mongodb'
import type { Mongo } from '../mongo'
import type { PatientDocument } from './insert'
import { asNotWritten, durable, notYetDurable, type Stored, type WriteOutcome, withMaps } from './outcome'

/** A list inside documents that only grows. `names` are the fields that identify an entry; `id` is one of them. */
export type AppendOnly = { collection: string; list: string; names: readonly string[] }
/** The document that has the list. */
type Holder = { id: string; patientId: string }
export type ListEntry = { id: string }

/**
 * Appends an entry under its fixed id; repeating it adds nothing. The document must also meet `condition`. Everything
 * is checked and written in one atomic step, so that no entry is lost and none is stored twice.
 */
export async function appendClinicalEntry<D extends PatientDocument>(
  mongo: Mongo,
  { collection, list, names }: AppendOnly,
  holder: Holder,
  entry: ListEntry,
  condition: Filter<Document> = {},
): Promise<WriteOutcome<D>> {
  const documents = durable(mongo, collection)
  const { id: _id, patientId } = holder
  const values = names.map((name) => ({ name, value: entry[name as 'id'] }))
  const isNew = values.map(({ name, value }) => ({ [`${list}.${name}`]: { $ne: value }, voids: { $ne: value } }))
  try {
    await mongo.ready()
    const appended = await documents.findOneAndUpdate(
      // The driver's types do not allow computed field names.
      { $and: [{ _id, patientId }, ...isNew, condition] } as Filter<Stored>,
      { $push: { [list]: withMaps(entry) } } as UpdateFilter<Stored>,
      { returnDocument: 'after' },
    )
    if (appended) return thereAs(appended)
  } catch (error) {
    const notWritten = asNotWritten(error)
    if (notWritten) return { state: 'not_written', error: notWritten }
    throw error
  }
  const findEntry = () => documents.findOne({ _id, patientId, [`${list}.id`]: entry.id })
  const found = await findEntry()
  if (found) return thereAs(found)
  if (await documents.findOne({ _id, patientId, voids: { $in: values.map(({ value }) => value) } }))
    return { state: 'blocked' }
  // The condition was not met. The tombstone keeps later attempts under this id from succeeding after this refusal.
  const outcome = await findOrBlockEntry(mongo, { collection, list }, holder, ['id', entry.id])
  if (outcome === 'blocked') return { state: 'refused' }
  const late = await findEntry()
  if (!late) throw notYetDurable()
  return thereAs(late)
}

/**
 * Looks for the entry with this name. If it is missing, the same atomic step writes a tombstone, so that a late append
 * under the name fails. Returns `blocked` for a missing document too.
 */
export async function findOrBlockEntry(
  mongo: Mongo,
  { collection, list }: Pick<AppendOnly, 'collection' | 'list'>,
  { id: _id, patientId }: Holder,
  [name, value]: [name: string, value: string],
): Promise<'there' | 'blocked'> {
  const documents = durable(mongo, collection)
  const inList = `${list}.${name}`
  const { matchedCount } = await documents.updateOne(
    { _id, patientId, [inList]: { $ne: value } },
    { $addToSet: { voids: value } },
  )
  if (matchedCount === 1) return 'blocked'
  if (await documents.findOne({ _id, patientId, [inList]: value }, { projection: { _id: 1 } })) return 'there'
  if (await documents.findOne({ _id, patientId }, { projection: { _id: 1 } })) throw notYetDurable()
  return 'blocked'
}

/** The caller knows the type of the documents in its collection. */
const thereAs = <D>(document: Document): WriteOutcome<D> => ({ state: 'there', document: document as D })
