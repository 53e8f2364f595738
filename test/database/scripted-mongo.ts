import { afterAll } from 'bun:test'
import { createServer, type Socket } from 'node:net'
import { BSON } from 'mongodb'

type Answer = Record<string, unknown>

const HEADER = 16
const OP_REPLY = 1
const OP_MSG = 2013

/** A server that speaks MongoDB's protocol and answers each command by `answer`, so that the driver's errors are real. */
export async function scriptMongo(answer: (command: string, port: number) => Answer): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
        const message = received.subarray(0, received.readInt32LE(0))
        received = received.subarray(message.length)
        socket.write(reply(message, (command) => answer(command, port)))
      }
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  afterAll(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return port
}

function reply(message: Buffer, answer: (command: string) => Answer): Buffer {
  const isMessage = message.readInt32LE(12) === OP_MSG
  // The driver greets in the protocol before OP_MSG.
  const start = isMessage ? HEADER + 5 : message.indexOf(0, HEADER + 4) + 9
  const [command = ''] = Object.keys(
    BSON.deserialize(message.subarray(start), { allowObjectSmallerThanBufferSize: true }),
  )
  const body = BSON.serialize(answer(command.toLowerCase() === 'ismaster' ? 'hello' : command))
  const head = Buffer.alloc(isMessage ? HEADER + 5 : HEADER + 20)
  head.writeInt32LE(head.length + body.length, 0)
  head.writeInt32LE(message.readInt32LE(4), 8)
  head.writeInt32LE(isMessage ? OP_MSG : OP_REPLY, 12)
  if (!isMessage) head.writeInt32LE(1, HEADER + 16)
  return Buffer.concat([head, body])
}

/** How a member of the replica set rs0 greets. */
export const greeting = (port: number, isPrimary: boolean): Answer => ({
  ok: 1,
  ...{ helloOk: true, isWritablePrimary: isPrimary, secondary: !isPrimary, setName: 'rs0', setVersion: 1 },
  ...{ hosts: [`127.0.0.1:${port}`], me: `127.0.0.1:${port}`, minWireVersion: 0, maxWireVersion: 25 },
  ...{ maxBsonObjectSize: 16_777_216, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000 },
})
