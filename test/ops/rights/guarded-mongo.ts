import { afterAll } from 'bun:test'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { answerTo, commandIn, isModern, onMessage } from '../../support/mongo-wire'
import { runFolder } from '../../support/run-folder'
import type { Rights } from './scripts'

type Command = Record<string, unknown> & { $db: string }

/** Commands that every signed-in user may send. */
const FREE = ['hello', 'ismaster', 'isMaster', 'ping', 'endSessions', 'buildInfo', 'killCursors']

/** The actions that MongoDB's documentation demands of a command; undefined for one that this project never sends. */
function actionsOf(name: string, command: Command): string[] | undefined {
  const upsert = command.upsert || (command.updates as { upsert?: boolean }[] | undefined)?.some((one) => one.upsert)
  const actions: Record<string, string[]> = {
    find: ['find'],
    aggregate: ['find'],
    count: ['find'],
    getMore: ['find'],
    insert: ['insert'],
    update: upsert ? ['update', 'insert'] : ['update'],
    findAndModify: ['find', command.remove ? 'remove' : 'update', ...(upsert ? ['insert'] : [])],
    delete: ['remove'],
    create: ['createCollection'],
    createIndexes: ['createIndex'],
    listIndexes: ['listIndexes'],
    dropIndexes: ['dropIndex'],
  }
  return actions[name]
}

/**
 * A server in front of the embedded engine, which has no users: it refuses, as MongoDB does, each command that these rights
 * do not allow. Returns its address and the commands that it has refused.
 */
export async function guardMongo(uri: string, rights: Rights) {
  const engine = decodeURIComponent(/^mongodb:\/\/([^/]+)/.exec(uri)![1]!)
  const refused: string[] = []
  const path = join(runFolder(), `g${process.pid}-${Math.random().toString(36).slice(2, 8)}.sock`)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const behind = connect(engine)
    for (const socket of [client, behind]) sockets.add(socket.on('error', () => {}))
    behind.pipe(client)
    client.on('close', () => behind.destroy())
    behind.on('close', () => client.destroy())
    onMessage(client, (message) => {
      const problem = findProblem(message, rights)
      if (problem === undefined) behind.write(message)
      else {
        refused.push(problem)
        client.write(answerTo(message, refusal(problem)))
      }
    })
  })
  await new Promise<void>((resolve) => void server.listen(path, resolve))
  afterAll(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { uri: uri.replace(/^mongodb:\/\/[^/]+/, `mongodb://${encodeURIComponent(path)}`), refused }
}

function findProblem(message: Buffer, rights: Rights): string | undefined {
  // The oldest handshake.
  if (!isModern(message)) return undefined
  const command = commandIn(message) as Command
  const name = Object.keys(command)[0]!
  if (FREE.includes(name)) return undefined
  const collection = String(name === 'getMore' ? command.collection : command[name])
  const granted = rights.get(collection)
  const wanted = actionsOf(name, command)
  return wanted?.every((action) => granted?.has(action)) ? undefined : `${name} ${collection}`
}

const refusal = (problem: string) => ({
  ok: 0,
  code: 13,
  codeName: 'Unauthorized',
  errmsg: `not authorized: ${problem}`,
})
