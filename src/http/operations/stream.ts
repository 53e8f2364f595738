/** Text is sent by this much at a time, so that neither many small writes nor much memory are needed. */
const CHUNK = 32 * 1024
/** A longer text is better off as a stream: of a string of 15 KiB or more Bun sends each header in packets of its own. */
const LONG_TEXT = 15_000

const encoder = new TextEncoder()

/** A body that is all there, in the form in which it leaves fastest. */
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
 * Bytes of a body as it is made: nothing is made before it is asked for, nor faster than it is taken. A failure on the way
 * is told to `onError` and cuts the connection, so that nobody takes the part for the whole.
 */
export function streamBody(pieces: AsyncIterable<string | Uint8Array>, onError: (error: unknown) => void) {
  const iterator = inChunks(pieces)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await iterator.next()
          if (next.done) controller.close()
          else controller.enqueue(next.value)
        } catch (error) {
          onError(error)
          // Runtimes print what they are given here: the original may quote a row.
          controller.error(new Error('the answer broke off'))
        }
      },
      async cancel() {
        await iterator.return()
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
