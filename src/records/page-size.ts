import { BSON, type Document } from 'mongodb'

/** A page ends after so many bytes of documents, but has at least one: long documents would make answers of 100 MiB. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024

/** The documents of a page and one more, if there are more; `limit` is how many of them belong to the page. */
export async function takePage<D extends Document>(
  documents: AsyncIterable<D>,
  limit: number,
  matches: (document: D) => boolean = () => true,
): Promise<{ found: D[]; limit: number }> {
  const found: D[] = []
  let bytes = 0
  for await (const document of documents) {
    if (!matches(document)) continue
    found.push(document)
    bytes += BSON.calculateObjectSize(document)
    if (found.length > limit) break
    if (bytes > MAX_PAGE_BYTES && found.length > 1) return { found, limit: found.length - 1 }
  }
  return { found, limit }
}
