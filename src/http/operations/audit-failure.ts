import { z } from 'zod'
import type { Caller } from '../../actor'
import { type AuditFacts, type AuditKind, auditEvent } from '../../database/audit-event'
import { isAudited } from '../../database/audit-outbox'
import { UnknownOutcomeError } from '../../database/postgres'
import type { Context } from '../../deps'
import type { ErrorCode } from '../../errors'
import { toAppError } from '../problem'

type Audited = { path: string; audit?: AuditKind }
/** The parts of a request that were read before it failed. */
export type ReadSoFar = { params: Record<string, string>; query?: unknown; body?: unknown }

/** An invalid request leaves no event: it reached no data. */
const OUTCOME: Partial<Record<ErrorCode, 'denied' | 'error'>> = {
  forbidden: 'denied',
  not_found: 'denied',
  internal: 'error',
  unavailable: 'error',
}

/**
 * Audits a refused or failed request of a signed-in caller: one event in its own statement, since the transaction is
 * rolled back. Missing data and data of others get the same event after the same time, so that callers cannot
 * distinguish them. Throws `unavailable` if the event cannot be written.
 */
export async function auditFailure(
  ctx: Context<Caller | null>,
  { path, audit }: Audited,
  soFar: ReadSoFar,
  thrown: unknown,
): Promise<void> {
  // Once COMMIT was sent, the transaction's own event records the outcome.
  if (!ctx.actor || !audit || isAudited(thrown) || thrown instanceof UnknownOutcomeError) return
  const { code } = toAppError(thrown)
  const outcome = OUTCOME[code]
  if (!outcome) return
  await ctx.auditWriter.append(auditEvent(ctx, audit, { ...subjectOf(path, soFar), outcome, detail: { code } }))
}

const Uuid = z.uuid()
const WithPatient = z.object({ patientId: Uuid })

/** The patients and the target that the request names, whether they exist or not. */
function subjectOf(path: string, { params, query, body }: ReadSoFar): AuditFacts {
  const id = Uuid.safeParse(params.id).data?.toLowerCase()
  const ofPatient = path.startsWith('/patients/{id}')
  const named = [query, body].flatMap((part) => WithPatient.safeParse(part).data?.patientId.toLowerCase() ?? [])
  return { targetId: id, patientIds: id && ofPatient ? [id, ...named] : named }
}
