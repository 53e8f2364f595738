import type { Mongo } from '../database/mongo'
import { linkHash, wrongField } from './chain'
import { SEGMENT } from './checkpoints'
import type { AuditLog } from './collection'
import type { Gap } from './gaps'
import { listLogs } from './queries'
import type { ChainLink } from './tables'

/** What is wrong, and with which event; `seq` is null when it concerns no single event. */
export type Finding = { seq: number | null; problem: string; missing?: true }

/** A position that the chain must contain, and the name of its source. */
export type Anchor = ChainLink & {
  name: string
  /** Whether the checkpoint's signature is valid; undefined for an anchor without one. */
  signed?: boolean
  /** Whether there must be a checkpoint among the `SEGMENT` events before it. */
  endsSegment: boolean
}

export type Walk = {
  /** The walk begins after this event, or with it if `includingBase` is true. */
  base: ChainLink
  includingBase?: boolean
  /** In order of `seq`; the walk ends at the last. */
  anchors: Anchor[]
  /** Missing events that were accepted, in order. */
  gaps?: Gap[]
  onProgress?: (events: number) => void
  /** It stops early after this time. */
  timeLimitMs?: number
}

/** How many events are correct, the first problem, and whether the walk reached its end or a problem. */
export type ChainCheck = { events: number; finding?: Finding; complete: boolean }

export const NO_NUMBER = 'no event has such a number'
const BATCH = 1_000
const AHEAD = 3

/** Reads the chain in order and stops at the first problem. */
export async function walkChain(mongo: Mongo, walk: Walk): Promise<ChainCheck> {
  const last = walk.anchors.at(-1)?.seq ?? walk.base.seq
  const until = performance.now() + (walk.timeLimitMs ?? Number.POSITIVE_INFINITY)
  const chain = followChain(walk)
  let events = 0

  /** Returns why the walk ends; undefined when it has reached `end`. */
  async function walkTo(end: number): Promise<ChainCheck | undefined> {
    for await (const logs of batches(mongo, chain.reached(), end)) {
      for (const log of logs) {
        const finding = chain.take(log)
        if (finding) return { events, finding, complete: true }
        events++
      }
      walk.onProgress?.(events)
      if (chain.reached() < last && performance.now() > until) return { events, complete: false }
    }
    const next = chain.reached() + 1
    if (next > end) return undefined
    const problem = next < end ? `it is missing, and so are all up to ${end}` : 'it is missing'
    return { events, finding: { seq: next, problem, missing: true }, complete: true }
  }

  for (const gap of walk.gaps?.filter((one) => one.last > chain.reached() && one.last <= last) ?? []) {
    const ended = gap.first - 1 > chain.reached() ? await walkTo(gap.first - 1) : undefined
    if (ended) return ended
    const [extra] = await listLogs(mongo, { from: gap.first, last: gap.last, limit: 1 })
    const finding = extra ? { seq: extra._id, problem: 'it lies in an accepted gap' } : chain.skip(gap)
    if (finding) return { events, finding, complete: true }
  }
  return (await walkTo(last)) ?? { events, complete: true }
}

/** Loads the next batches while one is checked. */
async function* batches(mongo: Mongo, after: number, last: number): AsyncGenerator<AuditLog[]> {
  const ranges: { after: number; logs: Promise<AuditLog[]> }[] = []
  let requested = after
  for (;;) {
    while (requested < last && ranges.length < AHEAD) {
      const range = { after: requested, last: Math.min(requested + BATCH, last) }
      // One more than the range holds: an extra document has an `_id` that is no whole number.
      const logs = listLogs(mongo, { ...range, limit: BATCH + 1 })
      // Nobody awaits it when the walk ends early: avoids an unhandled rejection.
      void logs.catch(() => {})
      ranges.push({ after: requested, logs })
      requested = range.last
    }
    const range = ranges.shift()
    if (!range) return
    const logs = await range.logs
    yield logs.length > 0 ? logs : await listLogs(mongo, { after: range.after, last, limit: 1 })
    // The walk has now found the gap or reached the end.
    if (logs.length === 0) return
  }
}

function followChain({ base, includingBase = false, anchors }: Walk) {
  let link: { seq: number; hash?: string } = includingBase ? { seq: base.seq - 1 } : base
  /** Up to this event the chain matches an anchor. */
  let proven = link.seq
  let sealed = base.seq
  let next = 0

  function passAnchors(): Finding | undefined {
    for (; anchors[next]?.seq === link.seq; next++) {
      const anchor = anchors[next]!
      const { seq, name } = anchor
      if (anchor.endsSegment && seq - sealed > SEGMENT)
        return { seq: sealed + SEGMENT, problem: `a checkpoint is missing between events ${sealed} and ${seq}` }
      if (anchor.signed === false) return { seq, problem: `${name} of event ${seq} has no valid signature` }
      if (anchor.hash !== link.hash) return { seq, problem: rewritten(anchor, proven) }
      proven = seq
      if (anchor.signed) sealed = seq
    }
    return undefined
  }

  return {
    reached: () => link.seq,
    /** Continues after an accepted gap. Checkpoints inside it end segments, but their hashes cannot be compared. */
    skip(gap: Gap): Finding | undefined {
      if (link.seq === gap.first - 1 && link.hash !== undefined && link.hash !== gap.before)
        return { seq: gap.first, problem: 'the accepted gap follows another hash' }
      for (; anchors[next] && anchors[next]!.seq < gap.last; next++)
        if (anchors[next]!.signed) sealed = anchors[next]!.seq
      link = { seq: gap.last, hash: gap.after }
      return passAnchors()
    },
    take(log: AuditLog): Finding | undefined {
      const finding = brokenLink(log, link, link.seq === proven)
      if (finding) return finding
      link = { seq: log._id, hash: log.hash }
      return passAnchors()
    },
  }
}

/** `proven`: the event before is known to be genuine. */
function brokenLink(log: AuditLog, before: { seq: number; hash?: string }, proven: boolean): Finding | undefined {
  const seq = before.seq + 1
  if (!Number.isInteger(log._id)) return { seq: log._id, problem: NO_NUMBER }
  if (log._id !== seq) return { seq, problem: `it is missing: the next event is ${log._id}`, missing: true }
  const field = wrongField(log)
  if (field) return { seq, problem: field }
  if (log.hash !== linkHash(log.prev, log.bytes)) return { seq, problem: 'its hash does not match its prev and bytes' }
  if (before.hash === undefined || log.prev === before.hash) return undefined
  if (proven) return { seq, problem: `it does not follow event ${before.seq}` }
  return { seq: before.seq, problem: `it or event ${seq} was rewritten: event ${seq} follows another hash` }
}

function rewritten({ seq, name }: Anchor, proven: number): string {
  if (proven === seq) return `${name} does not match the chain`
  const which = proven + 1 === seq ? `event ${seq}` : `one or more of the events ${proven + 1} to ${seq}`
  return `${which} was rewritten: ${name} names another hash`
}
