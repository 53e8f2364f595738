import { z } from 'zod'
import type { Mongo } from '../database/mongo'
import { readHashedEvent } from './chain'
import type { CheckpointKey } from './checkpoint-key'
import { listEventsOfKind } from './queries'

/** The kind of the event by which an operator accepts that events are missing from MongoDB. */
export const GAP_ACCEPTED = 'audit.gap_accepted'

/** Missing events, both numbers included; `before` and `after` are the hashes of the events `first - 1` and `last`. */
export type Gap = { first: number; last: number; before: string; after: string }

const Hash = z.string().regex(/^[0-9a-f]{64}$/)
const AcceptedGap = z.object({ first: z.int(), last: z.int(), before: Hash, after: Hash, signature: z.string() })

/** The text that is signed. */
export const statementOfGap = ({ first, last, before, after }: Gap) => `audit gap ${first} ${last} ${before} ${after}`

/** The gaps that events of the trail accept with a valid signature, in order. */
export async function listAcceptedGaps(mongo: Mongo, key: CheckpointKey): Promise<Gap[]> {
  const gaps: Gap[] = []
  for (const log of await listEventsOfKind(mongo, GAP_ACCEPTED)) {
    const { success, data } = AcceptedGap.safeParse(readHashedEvent(log)?.detail)
    if (success && (await key.isGenuineText(statementOfGap(data), data.signature))) gaps.push(data)
  }
  return gaps.sort((a, b) => a.first - b.first)
}
