/** Characters of text per chunk: few writes, little memory. */
const CHUNK = 32 * 1024
/** Longer texts are sent as a stream: with a string of 15 KiB or more Bun sends each header in packets of its own. */
const LONG_TEXT = 15_000

const encoder = new TextEncoder()

/** A complete body in the form that Bun sends fastest. */
export function wholeBody(body: string | Uint8Array): string | ReadableStream<Uint8Array> {
  if (typeof body === 'string' && body.length < LONG_TEXT) return body
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(typeof body === 'string' ? encoder.encode(body) : body)
      controller.close()
    },
  })
}

/**
 * Streams the pieces of a body; each is made only when the client is ready for it. An error is passed to `onError` and
 * cuts the connection, so that no client takes a part for the whole. A client that leaves is no error: the chunk that is
 * being made then is dropped.
 */
export function streamBody(pieces: AsyncIterable<string | Uint8Array>, onError: (error: unknown) => void) {
  const iterator = inChunks(pieces)
  let left = false
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await iterator.next()
          // The controller of a cancelled stream throws.
          if (left) return
          if (next.done) controller.close()
          else controller.enqueue(next.value)
        } catch (error) {
          onError(error)
          // Runtimes print this error; the original may quote a row.
          if (!left) controller.error(new Error('the answer was cut off'))
        }
      },
      async cancel() {
        left = true
        await iterator.return().catch(onError)
      },
    },
    { highWaterMark: 0 },
  )
}

async function* inChunks(pieces: AsyncIterable<string | Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let text = ''
  for await (const piece of pieces) {
    if (typeof piece === 'string') text += piece
    if (text.length >= CHUNK || (text !== '' && typeof piece !== 'string')) {
      yield encoder.encode(text)
      text = ''
    }
    if (typeof piece !== 'string') yield piece
  }
  if (text !== '') yield encoder.encode(text)
}
