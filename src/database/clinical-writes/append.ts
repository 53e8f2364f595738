import type { Document, Filter, UpdateFilter } from 'mongodb'
import type { Mongo } from '../mongo'
import type { PatientDocument } from './insert'
import { asNotWritten, durable, notYetDurable, type Stored, type WriteOutcome, withMaps } from './outcome'

/** A list inside of documents that is only ever added to; `names` are the fields of an entry that name it, `id` among them. */
export type AppendOnly = { collection: string; list: string; names: readonly string[] }
/** The document that has the list. */
export type Holder = { id: string; patientId: string }
export type Entry = { id: string }

/**
 * Appends an entry of a fixed id, any number of times; `room` is what else must hold of the document in that moment. One
 * document is changed in one atomic step, so that no entry is lost to another and none is there twice.
 */
export async function appendClinicalEntry<D extends PatientDocument>(
  mongo: Mongo,
  place: AppendOnly,
  holder: Holder,
  entry: Entry,
  room: Filter<Document> = {},
): Promise<WriteOutcome<D>> {
  const documents = durable(mongo, place.collection)
  const { id: _id, patientId } = holder
  const names = place.names.map((name): [string, string] => [name, entry[name as 'id']])
  const unnamed = names.map(([name, value]) => ({ [`${place.list}.${name}`]: { $ne: value }, voids: { $ne: value } }))
  try {
    await mongo.ready()
    const appended = await documents.findOneAndUpdate(
      // The driver's types know no lists by a name that is given.
      { $and: [{ _id, patientId }, ...unnamed, room] } as Filter<Stored>,
      { $push: { [place.list]: withMaps(entry) } } as UpdateFilter<Stored>,
      { returnDocument: 'after' },
    )
    if (appended) return there(appended)
  } catch (error) {
    const notWritten = asNotWritten(error)
    if (notWritten) return { state: 'not_written', error: notWritten }
    throw error
  }
  const findEntry = () => documents.findOne({ _id, patientId, [`${place.list}.id`]: entry.id })
  const found = await findEntry()
  if (found) return there(found)
  if (await documents.findOne({ _id, patientId, voids: { $in: names.map(([, value]) => value) } }))
    return { state: 'blocked' }
  // There was no room. No other attempt under the id may find some after this one has been refused.
  if ((await findOrBlockEntry(mongo, place, holder, ['id', entry.id])) === 'blocked') return { state: 'refused' }
  const late = await findEntry()
  if (!late) throw notYetDurable()
  return there(late)
}

/**
 * Says whether an entry is there and, when it is not, makes its name void in the same atomic step, so that an append which
 * is still on its way can no longer succeed. A document that is gone takes no entry either.
 */
export async function findOrBlockEntry(
  mongo: Mongo,
  { collection, list }: AppendOnly,
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

/** Whose list it is knows what its documents are. */
const there = <D>(document: Document): WriteOutcome<D> => ({ state: 'there', document: document as D })
