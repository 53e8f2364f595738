import { asUnavailable } from '../database/constraints'
import { type AppendOnly, findOrVoidEntry } from '../database/fenced-append'
import { findOrVoid } from '../database/fenced-insert'
import { inTransaction } from '../database/transaction'
import type { Deps } from '../deps'
import { listPendingWrites, settleNotWritten, settleWritten } from '../http/idempotency/clinical-store'
import { AMENDMENTS, ATTACHMENTS, EVENTS, MEDICAL_RECORDS, PRESCRIPTIONS } from './collections'

type Pending = Awaited<ReturnType<typeof listPendingWrites>>[number]
type Look = (deps: Pick<Deps, 'mongo'>, write: Pending, now: Date) => Promise<'there' | 'void'>

const inserted =
  (collection: string): Look =>
  ({ mongo }, { writeId, patientIds }, now) =>
    findOrVoid(mongo, collection, { id: writeId, patientId: patientIds[0]! }, now)

const appended =
  (place: AppendOnly, holderOf = ({ targetId }: Pending) => targetId!): Look =>
  ({ mongo }, write) => {
    const holder = { id: holderOf(write), patientId: write.patientIds[0]! }
    return findOrVoidEntry(mongo, place, holder, ['id', write.writeId])
  }

/** By kind of audit event, whether a write is there; one that is not never will be. */
const LOOK: Record<string, Look> = {
  'record.create': inserted(MEDICAL_RECORDS),
  'prescription.create': inserted(PRESCRIPTIONS),
  'record.amend': appended(AMENDMENTS),
  'attachment.create': appended(ATTACHMENTS, ({ detail }) => String(detail?.recordId)),
  'prescription.stop': appended(EVENTS),
  'prescription.renew': appended(EVENTS),
}

/** A request still at work is not disturbed; one that is even slower meets a void id and fails. */
const PATIENCE_MS = 60_000
const BATCH = 100

/**
 * Settles clinical writes that no request finished, by whether MongoDB has them (see `runClinicalMutation`). Gives how many
 * were settled. Any number of copies may call it at any time; while MongoDB is down it leaves the rest for the next call.
 */
export async function sweepPendingWrites(deps: Deps): Promise<number> {
  const now = deps.clock()
  const before = new Date(now.getTime() - PATIENCE_MS)
  const pending = await listPendingWrites(deps.db, Object.keys(LOOK), before, BATCH)
  let settled = 0
  for (const write of pending) {
    try {
      const state = await LOOK[write.kind]!(deps, write, now)
      const settle = state === 'there' ? settleWritten : settleNotWritten
      await inTransaction(deps, ({ db }) => settle(db, write.writeId))
    } catch (error) {
      if (!asUnavailable(error)) throw error
      deps.log.warn({ error }, 'unfinished clinical writes are left for later')
      break
    }
    settled++
  }
  return settled
}
