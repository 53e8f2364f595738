import { afterAll } from 'bun:test'
import { createServer, type Socket } from 'node:net'
import { answerTo, commandIn, onMessage } from '../support/mongo-wire'

type Answer = Record<string, unknown>

/** A server that speaks MongoDB's protocol and answers each command by `answer`, so that the driver's errors are real. */
export async function scriptMongo(answer: (command: string, port: number) => Answer): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    onMessage(socket, (message) => {
      const [command = ''] = Object.keys(commandIn(message))
      socket.write(answerTo(message, answer(command.toLowerCase() === 'ismaster' ? 'hello' : command, port)))
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

/** How a member of the replica set rs0 greets. */
export const greeting = (port: number, isPrimary: boolean): Answer => ({
  ok: 1,
  ...{ helloOk: true, isWritablePrimary: isPrimary, secondary: !isPrimary, setName: 'rs0', setVersion: 1 },
  ...{ hosts: [`127.0.0.1:${port}`], me: `127.0.0.1:${port}`, minWireVersion: 0, maxWireVersion: 25 },
  ...{ maxBsonObjectSize: 16_777_216, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000 },
})
