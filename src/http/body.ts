import { unavailable } from '../errors'

/**
 * The pieces of a request's body. A process that stops does not wait for a slow sender: when `end` is aborted, reading ends
 * with 503.
 */
export async function* piecesOf(body: ReadableStream<Uint8Array>, end: AbortSignal | undefined) {
  const reader = body.getReader()
  const cancel = () => void reader.cancel().catch(() => {})
  end?.addEventListener('abort', cancel)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (end?.aborted) throw unavailable('This process is stopping, and the body took too long. Send it again.')
      if (done) return
      yield value
    }
  } finally {
    end?.removeEventListener('abort', cancel)
    cancel()
  }
}
