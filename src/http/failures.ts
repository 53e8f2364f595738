import { z } from 'zod'
import type { AuditAction } from '../audit/tables'
import { type AuditFacts, auditEvent, hasEvent } from '../database/audit-outbox'
import { UnknownOutcomeError } from '../database/postgres'
import type { Actor, Context } from '../deps'
import type { ErrorCode } from '../errors'
import { toAppError } from './problem'

type Audited = { path: string; audit?: { kind: string; action: AuditAction } }
/** What of a request had been read when it failed. */
export type Attempt = { params: Record<string, string>; query?: unknown; body?: unknown }

/** Of a request that was wrong in itself nothing is recorded: it reached nothing. */
const OUTCOME: Partial<Record<ErrorCode, 'denied' | 'error'>> = {
  forbidden: 'denied',
  not_found: 'denied',
  internal: 'error',
  unavailable: 'error',
}

/**
 * Puts on record that a signed-in caller was refused, or that their request failed on our side: one event, in a statement
 * of its own, as the transaction is rolled back. Nothing tells what does not exist from what is not the caller's, neither
 * in the event nor in the time it takes. Throws `unavailable` when it cannot be written.
 */
export async function recordFailure(
  ctx: Context<Actor | null>,
  { path, audit }: Audited,
  attempt: Attempt,
  thrown: unknown,
): Promise<void> {
  // Of a COMMIT that was sent, the transaction's own event says what became of it.
  if (!ctx.actor || !audit || hasEvent(thrown) || thrown instanceof UnknownOutcomeError) return
  const { code } = toAppError(thrown)
  const outcome = OUTCOME[code]
  if (!outcome) return
  await ctx.auditWriter.append(auditEvent(ctx, audit, { ...subjectOf(path, attempt), outcome, detail: { code } }))
}

const Uuid = z.uuid()
const Named = z.object({ patientId: Uuid })

/** Whom the caller asked about, as far as the request names them; no row says whether they exist. */
function subjectOf(path: string, { params, query, body }: Attempt): AuditFacts {
  const id = Uuid.safeParse(params.id).data?.toLowerCase()
  const ofPatient = path.startsWith('/patients/{id}')
  const named = [query, body].flatMap((part) => Named.safeParse(part).data?.patientId.toLowerCase() ?? [])
  return { targetId: id, patientIds: id && ofPatient ? [id, ...named] : named }
}
