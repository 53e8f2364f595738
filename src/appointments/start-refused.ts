import type { Actor } from '../actor'
import { type AuditKind, auditEvent } from '../database/audit-event'
import type { Context } from '../deps'
import { AppError, type ErrorCode } from '../errors'
import type { DoctorFacts } from '../scheduling/facts'
import type { RuleResult } from '../scheduling/slots'

/**
 * A start that cannot be booked. `busyPatientId` is set if the patient is not free then, whatever else speaks against it;
 * `facts` are those that refused it.
 */
export class StartRefused extends AppError {
  constructor(
    code: ErrorCode,
    detail: string,
    extra: Record<string, unknown>,
    readonly busyPatientId: string | undefined,
    readonly facts?: DoctorFacts,
  ) {
    super(code, detail, extra)
  }
}

const isStaff = (actor: Actor) => actor !== 'system' && actor.role !== 'patient'

/** Staff learn whether the patient is free, but not the times of visits elsewhere. */
export const rulesFor = (actor: Actor, rules: RuleResult[]): RuleResult[] =>
  isStaff(actor)
    ? rules.map((one) => (one.rule === 'patient_free' && !one.pass ? { ...one, detail: 'the patient is busy' } : one))
    : rules

/** The event of staff who learn from a refusal that the patient is busy; undefined for all others. */
export function busyPatientEvent(ctx: Context, kind: AuditKind, refused: AppError) {
  if (!isStaff(ctx.actor) || !(refused instanceof StartRefused) || refused.busyPatientId === undefined) return undefined
  const detail = { code: refused.code }
  return auditEvent(ctx, kind, { patientIds: [refused.busyPatientId], outcome: 'denied', detail })
}

/** Writes that event. Call it after the transaction has ended, before the answer. */
export async function auditBusyPatient(ctx: Context, kind: AuditKind, refused: AppError): Promise<void> {
  const event = busyPatientEvent(ctx, kind, refused)
  if (event) await ctx.auditWriter.append(event)
}
