import type { Deps } from '../deps'
import { GENESIS_HASH } from './chain'
import { type CheckpointKey, openCheckpointKey } from './checkpoint-key'
import { type Gap, listAcceptedGaps } from './gaps'
import {
  type Checkpoint,
  findOutermostId,
  findUnpruned,
  hasUniqueIndex,
  listLogs,
  readTrail,
  type Trail,
} from './queries'
import { confirmRelayed } from './recovery'
import { RELAY_BATCH } from './relay'
import { type Anchor, type ChainCheck, type Finding, NO_NUMBER, walkChain } from './walk'

export type VerifyOptions = {
  /** Begins at the newest checkpoint instead of the first event. */
  fromCheckpoint?: boolean
  /** Checkpoints that were kept elsewhere: the chain must contain them too. */
  kept?: Checkpoint[]
  onProgress?: (events: number, total: number) => void
  /** It stops early after this time. */
  timeLimitMs?: number
}

export type Verdict = ChainCheck & {
  /** Sequence numbers of the first checked event and of the last event of the chain. */
  first: number
  last: number
  /** All that an operator accepted, also before `first`. */
  acceptedGaps: Gap[]
  /** The newest checkpoint. */
  checkpoint: Checkpoint | undefined
}

type VerifyDeps = Pick<Deps, 'db' | 'mongo' | 'config' | 'clock'>

/** Checks the trail while it may grow and be pruned, and changes nothing. Fails only when a database does. */
export async function verifyTrail(deps: VerifyDeps, options: VerifyOptions = {}): Promise<Verdict> {
  const key = await openCheckpointKey(deps.config.audit)
  for (;;) {
    const trail = await readTrail(deps.db, options.fromCheckpoint ? 1 : undefined)
    const verdict = await verify(deps, key, trail, options)
    // If the start has moved, the missing events were pruned meanwhile: check again.
    if (!verdict.finding || (await readTrail(deps.db, 1)).start.seq === trail.start.seq) return verdict
  }
}

async function verify(
  deps: VerifyDeps,
  key: CheckpointKey,
  trail: Trail,
  { fromCheckpoint = false, kept = [], onProgress, timeLimitMs }: VerifyOptions,
): Promise<Verdict> {
  const { head, start } = trail
  const checkpoint = trail.checkpoints.at(0)
  const base = fromCheckpoint && checkpoint && checkpoint.seq > start.seq ? checkpoint : start
  const first = base === start ? start.seq + 1 : base.seq
  const acceptedGaps = (await listAcceptedGaps(deps.mongo, key)).filter(({ last }) => last > start.seq)
  const conclude = (check: ChainCheck): Verdict => ({ ...check, acceptedGaps, first, last: head.seq, checkpoint })

  const anchors = await anchorsOf(key, trail, kept)
  const beyond = anchors.findLast(({ seq }) => seq > head.seq)
  if (beyond)
    return conclude(
      at(head.seq + 1, `PostgreSQL counts ${head.seq} events, but ${beyond.name} is of event ${beyond.seq}`),
    )
  if (base === start && start.hash !== GENESIS_HASH) {
    const sealed = anchors.find(({ seq, signed }) => seq === start.seq && signed)
    if (sealed?.hash !== start.hash)
      return conclude(at(start.seq, 'no signed checkpoint confirms that the chain begins after it'))
  }
  const check = await walkChain(deps.mongo, {
    base,
    includingBase: base !== start,
    anchors: anchors.filter(({ seq }) => seq >= first),
    gaps: acceptedGaps,
    onProgress: (events) => onProgress?.(events, head.seq - first + 1),
    timeLimitMs,
  })
  if (check.finding || !check.complete) return conclude(check)
  return conclude({ ...check, finding: await findStray(deps, trail) })
}

const at = (seq: number, problem: string): ChainCheck => ({
  events: 0,
  complete: true,
  finding: { seq, problem },
})

/** In order of `seq`; at the same position our checkpoint, then the kept one, then the head. */
async function anchorsOf(key: CheckpointKey, { head, checkpoints }: Trail, kept: Checkpoint[]): Promise<Anchor[]> {
  const anchorOf = async (checkpoint: Checkpoint, name: string, endsSegment: boolean) => {
    const { seq, hash } = checkpoint
    return { seq, hash, name, endsSegment, signed: await key.isGenuine(checkpoint) }
  }
  const anchors = await Promise.all([
    ...checkpoints.toReversed().map((checkpoint) => anchorOf(checkpoint, 'the checkpoint', true)),
    ...kept.map((checkpoint) => anchorOf(checkpoint, 'the kept checkpoint', false)),
  ])
  const last = { ...head, name: 'the head in PostgreSQL', endsSegment: true }
  return [...anchors, ...(head.seq > 0 ? [last] : [])].sort((a, b) => a.seq - b.seq)
}

/** Finds a document outside of the chain, or a missing unique index, which would let such documents in. */
async function findStray(deps: VerifyDeps, { head, start }: Trail): Promise<Finding | undefined> {
  const { mongo, config, clock } = deps
  const first = await findOutermostId(mongo, 'first')
  if (first === undefined) return undefined
  const last = await findOutermostId(mongo, 'last')
  const odd = [first, last].find((id) => !Number.isInteger(id) || Number(id) < 1)
  if (typeof odd === 'number') return { seq: odd, problem: NO_NUMBER }
  if (odd !== undefined)
    return { seq: null, problem: `a document has the id ${String(odd).slice(0, 50)}: no event has such an id` }
  const before = new Date(clock().getTime() - config.audit.retentionSeconds * 1000)
  const unpruned = start.hash === GENESIS_HASH ? null : await findUnpruned(mongo, start.seq, before)
  if (unpruned) return { seq: unpruned._id, problem: 'it lies before the beginning of the chain' }
  const beyond = await listLogs(mongo, { after: head.seq, limit: RELAY_BATCH + 1 })
  const relayed = await confirmRelayed(deps, head, beyond)
  const stray = beyond[relayed.length]
  if (stray && (await readTrail(deps.db, 1)).head.seq < stray._id)
    return { seq: stray._id, problem: 'it was not relayed from PostgreSQL' }
  if (!(await hasUniqueIndex(mongo)))
    return { seq: null, problem: 'the unique index that prevents duplicate events is missing' }
  return undefined
}
