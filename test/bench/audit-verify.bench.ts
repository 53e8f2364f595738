import { chainEvents, GENESIS_HASH } from '../../src/audit/chain'
import { openCheckpointKey } from '../../src/audit/checkpoint-key'
import { SEGMENT } from '../../src/audit/checkpoints'
import { insertCheckpoint, insertLogs } from '../../src/audit/queries'
import { verifyTrail } from '../../src/audit/verify'
import { readConfig } from '../../src/config'
import { auditEvent } from '../../src/database/audit-event'
import { newId } from '../../src/database/ids'
import type { Deps } from '../../src/deps'
import { closeDeps, openDeps } from '../../src/open-deps'
import { createDatabases } from '../support/databases'
import { type Bench, median, printTable } from './bench'
import { environmentOf } from './servers'

const MOST = 200_000

export const bench: Bench = {
  title: 'verifying the whole audit trail',
  async run({ rows, rounds }) {
    const deps = openDeps(readConfig({ ...environmentOf(await createDatabases()), LOG_LEVEL: 'error' }))
    const events = Math.ceil(Math.min(rows, MOST) / SEGMENT) * SEGMENT
    await fillTrail(deps, events)
    console.log(`  target on 2 idle cores: 50,000 events per second\n`)
    const speeds: number[] = []
    const costs: number[] = []
    for (let round = 0; round < rounds; round++) {
      const cpu = process.cpuUsage()
      const began = performance.now()
      const verdict = await verifyTrail(deps)
      const ms = performance.now() - began
      const { user, system } = process.cpuUsage(cpu)
      if (verdict.finding || verdict.events < events) throw new Error(`not intact: ${JSON.stringify(verdict)}`)
      speeds.push((events / ms) * 1000)
      costs.push((user + system) / events)
    }
    const count = (value: number) => Math.round(value).toLocaleString('en')
    printTable(
      ['events', 'per second', 'best', 'CPU µs per event, without MongoDB'],
      [[count(events), count(median(speeds)), count(Math.max(...speeds)), median(costs).toFixed(1)]],
    )
    await closeDeps(deps)
  },
}

/** Writes the audit trail as the relay does, but without the outbox. */
async function fillTrail({ db, mongo, config, clock }: Deps, events: number): Promise<void> {
  const key = await openCheckpointKey(config.audit)
  await mongo.ready()
  let head = { seq: 0, hash: GENESIS_HASH }
  while (head.seq < events) {
    const segment = Array.from({ length: SEGMENT }, () => {
      const actor = { userId: newId(), sessionId: newId(), role: 'doctor' as const }
      const request = { actor, now: clock(), requestId: newId(), ip: '203.0.113.7' }
      const facts = { patientIds: [newId()], targetId: newId() }
      return auditEvent(request, { kind: 'appointment.read', action: 'R' }, facts)
    })
    const logs = chainEvents(head, segment)
    await insertLogs(mongo, logs)
    head = { seq: head.seq + SEGMENT, hash: logs.at(-1)!.hash }
    await insertCheckpoint(db, await key.sign({ ...head, createdAt: clock() }))
  }
  await db.updateTable('auditHead').set(head).execute()
}
