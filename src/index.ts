import { migrate } from '../db/migrate'
import { createApp } from './app'
import { readConfig } from './config'
import { openDeps } from './open-deps'

const config = readConfig(process.env)
if (config.migrateOnStart) await migrate(config.postgres)
const deps = openDeps(config)
const app = createApp(deps)
Bun.serve({
  hostname: config.host,
  port: config.port,
  fetch: (request, server) => app.fetch(request, { peerAddress: server.requestIP(request)?.address }),
})
