import { withTryLock } from '../database/advisory-lock'
import { auditEvent } from '../database/audit-event'
import { appendAuditEvent } from '../database/audit-outbox'
import type { Deps } from '../deps'
import { GENESIS_HASH, linkHash, wrongField } from './chain'
import { openCheckpointKey } from './checkpoint-key'
import { SEGMENT, sealWhenDue, unsealed } from './checkpoints'
import type { AuditLog } from './collection'
import { GAP_ACCEPTED, type Gap, statementOfGap } from './gaps'
import { listLogs, moveAside, moveHead, readTrail } from './queries'
import { relayAuditEvents } from './relay'
import type { ChainLink } from './tables'
import { verifyTrail } from './verify'

const BATCH = 500

/** Documents after the head in PostgreSQL: `linked` continue the chain by their hashes, `foreign` do not. */
export type Beyond = { linked: number; foreign: number; first: number; last: number }

/** Counts the documents after the head; changes nothing. */
export async function inspectBeyond({ db, mongo }: Deps): Promise<Beyond> {
  const { head } = await readTrail(db, 1)
  const beyond: Beyond = { linked: 0, foreign: 0, first: head.seq + 1, last: head.seq }
  for (let link: ChainLink | undefined = head, after = head.seq; ; ) {
    const logs = await listLogs(mongo, { after, limit: BATCH })
    for (const log of logs) {
      link = link && follows(link, log) ? { seq: log._id, hash: log.hash } : undefined
      if (link) beyond.linked++
      else beyond.foreign++
      beyond.last = log._id
    }
    if (logs.length === 0) return beyond
    after = logs.at(-1)!._id
  }
}

/**
 * Moves the head over the documents that continue the chain by their hashes, and moves all others after it to
 * `audit_logs_aside`. The relay must have stopped there, or must not run: it is locked out meanwhile.
 */
export async function adoptBeyond(deps: Deps, reason: string): Promise<boolean> {
  const found = await inspectBeyond(deps)
  if (found.linked + found.foreign === 0) return true
  const done = await withTryLock(deps.postgres, 'audit-relay', async () => {
    while (await adoptSome(deps));
    for (;;) {
      const { head } = await readTrail(deps.db, 1)
      const foreign = await listLogs(deps.mongo, { after: head.seq, limit: BATCH })
      if (foreign.length === 0) return true
      await moveAside(deps.mongo, foreign, deps.clock())
    }
  })
  if (!done) return false
  await appendAuditEvent(deps.db, systemEvent(deps, 'audit.reconcile', { ...found, reason }))
  return true
}

async function adoptSome(deps: Deps): Promise<boolean> {
  const { trail } = await sealWhenDue(deps, await readTrail(deps.db, 1))
  const limit = Math.min(BATCH, SEGMENT - unsealed(trail))
  const adopted: AuditLog[] = []
  let link = trail.head
  for (const log of await listLogs(deps.mongo, { after: link.seq, limit })) {
    if (!follows(link, log)) break
    adopted.push(log)
    link = { seq: log._id, hash: log.hash }
  }
  if (adopted.length === 0) return false
  const ids = adopted.map(({ eventId }) => eventId)
  if (!(await moveHead(deps.db, trail.head, link, ids))) return false
  await sealWhenDue(deps, { ...trail, head: link })
  return true
}

const follows = (link: ChainLink, log: AuditLog) =>
  log._id === link.seq + 1 &&
  log.prev === link.hash &&
  wrongField(log) === undefined &&
  log.hash === linkHash(log.prev, log.bytes)

/** The first gap of the trail that is not accepted; undefined if there is none, or if something else is wrong first. */
export async function findGap(deps: Deps): Promise<Gap | undefined> {
  const { finding } = await verifyTrail(deps)
  if (!finding?.missing || finding.seq === null) return undefined
  const { head, start } = await readTrail(deps.db, 1)
  const first = finding.seq
  const [next] = await listLogs(deps.mongo, { after: first - 1, last: head.seq, limit: 1 })
  const [previous] = await listLogs(deps.mongo, { from: first - 1, last: first - 1, limit: 1 })
  const before = previous?.hash ?? (first - 1 === start.seq ? start.hash : GENESIS_HASH)
  return { first, last: (next?._id ?? head.seq + 1) - 1, before, after: next?.prev ?? head.hash }
}

/** Writes the signed event that accepts the gap, and relays it. */
export async function acceptGap(deps: Deps, gap: Gap, reason: string): Promise<void> {
  const key = await openCheckpointKey(deps.config.audit)
  const signature = await key.signText(statementOfGap(gap))
  await appendAuditEvent(deps.db, systemEvent(deps, GAP_ACCEPTED, { ...gap, signature, reason }))
  while ((await relayAuditEvents(deps)) > 0);
}

const systemEvent = ({ clock }: Deps, kind: string, detail: Record<string, string | number>) =>
  auditEvent({ actor: null, now: clock(), requestId: crypto.randomUUID(), ip: null }, { kind, action: 'E' }, { detail })
