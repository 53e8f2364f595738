import type { Kysely } from 'kysely'
import type { Database } from '../database/schema'
import type { Deps } from '../deps'
import { openCheckpointKey } from './checkpoint-key'
import { type Checkpoint, insertCheckpoint, readTrail, type Trail } from './queries'

/** The largest number of events between two checkpoints. */
export const SEGMENT = 1_000
const HOUR = 3_600_000

type SealDeps = Pick<Deps, 'db' | 'config' | 'clock'>

/** The number of events after the last checkpoint. */
export const unsealed = ({ head, start, checkpoints: [last] }: Trail): number => head.seq - (last?.seq ?? start.seq)

/** Signs the head 1,000 events after the last checkpoint, or an hour after it if there are new events. Returns 0 or 1. */
export async function sealTrail(deps: SealDeps): Promise<number> {
  return (await sealWhenDue(deps, await readTrail(deps.db, 1))).sealed
}

/** See `sealTrail`; also returns the trail as it is afterwards. */
export async function sealWhenDue({ db, config, clock }: SealDeps, trail: Trail) {
  const [last] = trail.checkpoints
  const createdAt = clock()
  const old = !last || createdAt.getTime() - last.createdAt.getTime() >= HOUR
  const count = unsealed(trail)
  if (count < SEGMENT && !(old && count > 0)) return { trail, sealed: 0 }
  const key = await openCheckpointKey(config.audit)
  const checkpoint = await key.sign({ ...trail.head, createdAt })
  await insertCheckpoint(db, checkpoint)
  return { trail: { ...trail, checkpoints: [checkpoint] }, sealed: 1 }
}

/** Every checkpoint from the start of the chain on, oldest first. */
export const listCheckpoints = async (db: Kysely<Database>): Promise<Checkpoint[]> =>
  (await readTrail(db)).checkpoints.toReversed()

/** One line to keep elsewhere: the signed position and the signature. */
export const formatCheckpoint = ({ seq, hash, createdAt, signature }: Checkpoint) =>
  `${seq} ${createdAt.toISOString()} ${hash} ${signature}`

const LINE = /^(\d{1,15}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([0-9a-f]{64}) ([A-Za-z0-9+/]{86}==)$/

/** Undefined for a line that `formatCheckpoint` did not write. */
export function parseCheckpoint(line: string): Checkpoint | undefined {
  const [, seq, createdAt, hash, signature] = LINE.exec(line.trim()) ?? []
  if (!seq || !createdAt || !hash || !signature) return undefined
  return { seq: Number(seq), createdAt: new Date(createdAt), hash, signature }
}
