import type { Mongo } from '../database/mongo'
import { linkHash, wrongField } from './chain'
import { SEGMENT } from './checkpoints'
import type { AuditLog } from './collection'
import { listLogs } from './queries'
import type { Link } from './tables'

/** The first event that is not as it must be, null where it is not about one, and what is wrong. */
export type Finding = { seq: number | null; problem: string }

/** A place that the chain has to go through, and who says so. */
export type Anchor = Link & {
  name: string
  /** Whether a checkpoint's signature is right; the others carry none. */
  signed?: boolean
  /** Whether a checkpoint has to lie within the thousand events before it. */
  endsSegment: boolean
}

export type Walk = {
  /** After this event it begins, or with it. */
  base: Link
  includingBase?: boolean
  /** In order; the last is where it ends. */
  anchors: Anchor[]
  onProgress?: (events: number) => void
  /** Milliseconds after which it stops early. */
  patience?: number
}

export type Walked = { events: number; finding?: Finding; complete: boolean }

export const NO_NUMBER = 'no event has such a number'
const BATCH = 1_000
const AHEAD = 3

/** Reads the chain in order and stops at the first thing that is wrong. */
export async function walkChain(mongo: Mongo, walk: Walk): Promise<Walked> {
  const last = walk.anchors.at(-1)?.seq ?? walk.base.seq
  const until = performance.now() + (walk.patience ?? Number.POSITIVE_INFINITY)
  const chain = followChain(walk)
  let events = 0
  for await (const logs of batches(mongo, chain.reached(), last)) {
    for (const log of logs) {
      const finding = chain.take(log)
      if (finding) return { events, finding, complete: true }
      events++
    }
    walk.onProgress?.(events)
    if (chain.reached() < last && performance.now() > until) return { events, complete: false }
  }
  const next = chain.reached() + 1
  const problem = next < last ? `it is missing, and so are all up to ${last}` : 'it is missing'
  if (next <= last) return { events, finding: { seq: next, problem }, complete: true }
  return { events, complete: true }
}

/** While one is checked, others are on their way. */
async function* batches(mongo: Mongo, after: number, last: number): AsyncGenerator<AuditLog[]> {
  const ranges: { after: number; logs: Promise<AuditLog[]> }[] = []
  let asked = after
  for (;;) {
    while (asked < last && ranges.length < AHEAD) {
      const range = { after: asked, last: Math.min(asked + BATCH, last) }
      // One more than there should be: among so many is one whose number is none.
      const logs = listLogs(mongo, { ...range, limit: BATCH + 1 })
      // Nobody waits for it when the walk ends early.
      void logs.catch(() => {})
      ranges.push({ after: asked, logs })
      asked = range.last
    }
    const range = ranges.shift()
    if (!range) return
    const logs = await range.logs
    yield logs.length > 0 ? logs : await listLogs(mongo, { after: range.after, last, limit: 1 })
    // Whoever reads this has seen that some are missing, or all that were to come.
    if (logs.length === 0) return
  }
}

function followChain({ base, includingBase = false, anchors }: Walk) {
  let link: { seq: number; hash?: string } = includingBase ? { seq: base.seq - 1 } : base
  /** Up to here the chain is proven to be the one that was signed or counted. */
  let proven = link.seq
  let sealed = base.seq
  let next = 0

  function passAnchors(): Finding | undefined {
    for (; anchors[next]?.seq === link.seq; next++) {
      const anchor = anchors[next]!
      const { seq, name } = anchor
      if (anchor.endsSegment && seq - sealed > SEGMENT)
        return { seq: sealed + SEGMENT, problem: `a checkpoint is missing between events ${sealed} and ${seq}` }
      if (anchor.signed === false) return { seq, problem: `${name} of event ${seq} carries no signature of ours` }
      if (anchor.hash !== link.hash) return { seq, problem: rewritten(anchor, proven) }
      proven = seq
      if (anchor.signed) sealed = seq
    }
    return undefined
  }

  return {
    reached: () => link.seq,
    take(log: AuditLog): Finding | undefined {
      const finding = brokenLink(log, link, link.seq === proven)
      if (finding) return finding
      link = { seq: log._id, hash: log.hash }
      return passAnchors()
    },
  }
}

/** `proven`: the event before is known to be the right one. */
function brokenLink(log: AuditLog, before: { seq: number; hash?: string }, proven: boolean): Finding | undefined {
  const seq = before.seq + 1
  if (!Number.isInteger(log._id)) return { seq: log._id, problem: NO_NUMBER }
  if (log._id !== seq) return { seq, problem: `it is missing: the next that is there is ${log._id}` }
  const field = wrongField(log)
  if (field) return { seq, problem: field }
  if (log.hash !== linkHash(log.prev, log.bytes))
    return { seq, problem: 'its hash is not that of what it follows and its bytes' }
  if (before.hash === undefined || log.prev === before.hash) return undefined
  if (proven) return { seq, problem: `it does not follow event ${before.seq}` }
  return { seq: before.seq, problem: `it, or event ${seq}, was rewritten: that one follows another hash` }
}

function rewritten({ seq, name }: Anchor, proven: number): string {
  if (proven === seq) return `${name} names another hash than the rest`
  const which = proven + 1 === seq ? `event ${seq}` : `one or more of the events ${proven + 1} to ${seq}`
  return `${which} was rewritten: ${name} names another hash`
}
