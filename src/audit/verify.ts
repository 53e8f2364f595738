import type { Deps } from '../deps'
import { GENESIS_HASH } from './chain'
import { type CheckpointKey, openCheckpointKey } from './checkpoint-key'
import {
  type Checkpoint,
  findLeftBehind,
  findOutermostId,
  hasUniqueIndex,
  listLogs,
  readTrail,
  type Trail,
} from './queries'
import { confirmRelayed } from './recovery'
import { RELAY_BATCH } from './relay'
import { type Anchor, type Finding, NO_NUMBER, type Walked, walkChain } from './walk'

export type VerifyOptions = {
  /** Begins at the newest checkpoint instead of the first event. */
  fromCheckpoint?: boolean
  /** Checkpoints that were kept elsewhere: the chain has to go through them too. */
  kept?: Checkpoint[]
  onProgress?: (events: number, total: number) => void
  /** Milliseconds after which it stops early. */
  patience?: number
}

export type Verdict = Walked & {
  /** Number of the first event that was looked at, and of the last that there should be. */
  first: number
  last: number
  /** The newest there is. */
  checkpoint: Checkpoint | undefined
}

type VerifyDeps = Pick<Deps, 'db' | 'mongo' | 'config' | 'clock'>

/** Checks the trail while it may grow and be pruned, and changes nothing. Fails only when a database does. */
export async function verifyTrail(deps: VerifyDeps, options: VerifyOptions = {}): Promise<Verdict> {
  const key = await openCheckpointKey(deps.config.audit)
  for (;;) {
    const trail = await readTrail(deps.db, options.fromCheckpoint ? 1 : undefined)
    const verdict = await verify(deps, key, trail, options)
    // What is pruned meanwhile is missing for a good reason.
    if (!verdict.finding || (await readTrail(deps.db, 1)).start.seq === trail.start.seq) return verdict
  }
}

async function verify(
  deps: VerifyDeps,
  key: CheckpointKey,
  trail: Trail,
  { fromCheckpoint = false, kept = [], onProgress, patience }: VerifyOptions,
): Promise<Verdict> {
  const { head, start } = trail
  const checkpoint = trail.checkpoints.at(0)
  const base = fromCheckpoint && checkpoint && checkpoint.seq > start.seq ? checkpoint : start
  const first = base === start ? start.seq + 1 : base.seq
  const conclude = (walked: Walked): Verdict => ({ ...walked, first, last: head.seq, checkpoint })

  const anchors = await anchorsOf(key, trail, kept)
  const beyond = anchors.findLast(({ seq }) => seq > head.seq)
  if (beyond)
    return conclude(
      at(head.seq + 1, `PostgreSQL counts ${head.seq} events, but there is ${beyond.name} of ${beyond.seq}`),
    )
  if (base === start && start.hash !== GENESIS_HASH) {
    const sealed = anchors.find(({ seq, signed }) => seq === start.seq && signed)
    if (sealed?.hash !== start.hash)
      return conclude(at(start.seq, 'no checkpoint of ours says that the chain begins after it'))
  }
  const walked = await walkChain(deps.mongo, {
    base,
    includingBase: base !== start,
    anchors: anchors.filter(({ seq }) => seq >= first),
    onProgress: (events) => onProgress?.(events, head.seq - first + 1),
    patience,
  })
  if (walked.finding || !walked.complete) return conclude(walked)
  return conclude({ ...walked, finding: await findStray(deps, trail) })
}

const at = (seq: number, problem: string): Walked => ({ events: 0, complete: true, finding: { seq, problem } })

/** In order: checkpoints before what was kept elsewhere, the head last. */
async function anchorsOf(key: CheckpointKey, { head, checkpoints }: Trail, kept: Checkpoint[]): Promise<Anchor[]> {
  const anchorOf = async (checkpoint: Checkpoint, name: string, endsSegment: boolean) => {
    const { seq, hash } = checkpoint
    return { seq, hash, name, endsSegment, signed: await key.isGenuine(checkpoint) }
  }
  const anchors = await Promise.all([
    ...checkpoints.toReversed().map((checkpoint) => anchorOf(checkpoint, 'the checkpoint', true)),
    ...kept.map((checkpoint) => anchorOf(checkpoint, 'the checkpoint that was kept', false)),
  ])
  const last = { ...head, name: 'the head in PostgreSQL', endsSegment: true }
  return [...anchors, ...(head.seq > 0 ? [last] : [])].sort((a, b) => a.seq - b.seq)
}

/** Documents that stand outside of the chain, and what would let more of them in. */
async function findStray(deps: VerifyDeps, { head, start }: Trail): Promise<Finding | undefined> {
  const { mongo, config, clock } = deps
  const first = await findOutermostId(mongo, 'first')
  if (first === undefined) return undefined
  const last = await findOutermostId(mongo, 'last')
  const odd = [first, last].find((id) => !Number.isInteger(id) || Number(id) < 1)
  if (typeof odd === 'number') return { seq: odd, problem: NO_NUMBER }
  if (odd !== undefined) return { seq: null, problem: `a document is called ${String(odd).slice(0, 50)}: no event is` }
  const pruned = new Date(clock().getTime() - config.audit.retentionSeconds * 1000)
  const left = start.hash === GENESIS_HASH ? null : await findLeftBehind(mongo, start.seq, pruned)
  if (left) return { seq: left._id, problem: 'it lies before the beginning of the chain' }
  const beyond = await listLogs(mongo, { after: head.seq, limit: RELAY_BATCH + 1 })
  const relayed = await confirmRelayed(deps, head, beyond)
  const stray = beyond[relayed.length]
  if (stray && (await readTrail(deps.db, 1)).head.seq < stray._id)
    return { seq: stray._id, problem: 'it was not relayed from PostgreSQL' }
  if (!(await hasUniqueIndex(mongo)))
    return { seq: null, problem: 'no unique index keeps an event from being there twice' }
  return undefined
}
