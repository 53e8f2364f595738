import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { privateDirectory, socketDirectory } from './directories'
import { lockDirectory } from './directory-lock'
import { EmbeddedDatabaseError } from './error'
import { mongoBinary } from './mongo-binary'
import { directoryInUse } from './mongo-exit-codes'
import { logTail, type OwnedProcess, rotateLog, startOwnedProcess } from './owned-process'

export type EmbeddedMongo = {
  /** Without a database name. */
  uri: string
  directory: string
  pid: number
  /** Resolves when the engine has ended, with its exit code; null after a signal. */
  exited: Promise<number | null>
  /** Idempotent. The same directory can be started again, with its data. */
  stop(): Promise<void>
}

type Options = {
  directory: string
  /** Accepted as for PostgreSQL, but has no effect: journaling was not measurably slower. */
  ephemeral?: boolean
}

const startDeadline = 30_000
const engine = fileURLToPath(new URL('mongo-engine.ts', import.meta.url))

/**
 * Starts a real MongoDB engine on a unix socket, with the data that the directory holds. It runs in a child process that
 * always ends with this one. Every write is journaled before it is acknowledged.
 * @throws EmbeddedDatabaseError
 */
export async function startEmbeddedMongo(options: Options): Promise<EmbeddedMongo> {
  const directory = privateDirectory(resolve(options.directory))
  const lock = lockDirectory(directory)
  try {
    const socketFolder = socketDirectory(directory, 'mongo.sock')
    const socket = join(socketFolder, 'mongo.sock')
    const server = await startEngine(directory, socket)
    return {
      uri: `mongodb://${encodeURIComponent(socket)}/?directConnection=true&journal=true`,
      directory,
      pid: server.pid,
      exited: server.exited,
      async stop() {
        await server.stop()
        if (socketFolder !== directory) rmSync(socketFolder, { recursive: true, force: true })
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function startEngine(directory: string, socket: string): Promise<OwnedProcess> {
  const native = mongoBinary(directory)
  const data = privateDirectory(join(directory, 'data'))
  const log = join(directory, 'mongo.log')
  rotateLog(log)
  const until = Date.now() + startDeadline
  while (true) {
    const server = startOwnedProcess({
      command: [process.execPath, engine, data, socket],
      stopSignal: 'TERM',
      grace: 10,
      log,
      env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: native },
    })
    while (server.exitCode() === undefined && Date.now() < until) {
      if (await accepts(socket)) return server
      await Bun.sleep(5)
    }
    const exitCode = await server.stop()
    // The previous engine, whose owner was killed, is still closing its files.
    if (exitCode === directoryInUse && Date.now() < until) await Bun.sleep(50)
    else throw new EmbeddedDatabaseError(`MongoDB did not start; ${log} ends with:\n${logTail(log)}`)
  }
}

function accepts(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const connection = connect(socket, () => {
      connection.destroy()
      done(true)
    }).on('error', () => done(false))
  })
}
