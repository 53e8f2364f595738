import type { Socket } from 'node:net'
import { BSON } from 'mongodb'

const HEADER = 16
const OP_REPLY = 1
const OP_MSG = 2013

type Document = Record<string, unknown>

/** Whether a message is of the protocol that the driver uses after its first greeting. */
export const isModern = (message: Buffer): boolean => message.readInt32LE(12) === OP_MSG

/** Calls `take` with each whole message that arrives. */
export function onMessage(socket: Socket, take: (message: Buffer) => void): void {
  let received = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
      const message = received.subarray(0, received.readInt32LE(0))
      received = received.subarray(message.length)
      take(message)
    }
  })
}

/** The command of a message; its first field is the name. */
export function commandIn(message: Buffer): Document {
  const start = isModern(message) ? HEADER + 5 : message.indexOf(0, HEADER + 4) + 9
  return BSON.deserialize(message.subarray(start), { allowObjectSmallerThanBufferSize: true })
}

/** The bytes of an answer to a message, in the protocol of the message. */
export function answerTo(message: Buffer, answer: Document): Buffer {
  const body = BSON.serialize(answer)
  const head = Buffer.alloc(isModern(message) ? HEADER + 5 : HEADER + 20)
  head.writeInt32LE(head.length + body.length, 0)
  head.writeInt32LE(message.readInt32LE(4), 8)
  head.writeInt32LE(isModern(message) ? OP_MSG : OP_REPLY, 12)
  if (!isModern(message)) head.writeInt32LE(1, HEADER + 16)
  return Buffer.concat([head, body])
}
