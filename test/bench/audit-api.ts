// The API with the audit events of reads or, given AUDIT=off, without: audit-reads.bench.ts compares the two.
import { createApp } from '../../src/app'
import { readConfig } from '../../src/config'
import { startMaintenance } from '../../src/maintenance'
import { openDeps } from '../../src/open-deps'

const config = readConfig(process.env)
const audited = openDeps(config)
const deps = process.env.AUDIT === 'off' ? { ...audited, auditWriter: { append: async () => {} } } : audited
// A trigger drops the audit event that a statement writes beside its read (audit-reads.bench.ts).
if (process.env.AUDIT === 'off') deps.postgres.pool.on('connect', (client) => client.query("set bench.audit to 'off'"))
const app = createApp(deps)
await deps.mongo.ready()
startMaintenance(deps)
Bun.serve({
  hostname: config.host,
  port: config.port,
  fetch: (request, server) => app.fetch(request, { peerAddress: server.requestIP(request)?.address }),
})
process.on('SIGTERM', () => process.exit(0))
