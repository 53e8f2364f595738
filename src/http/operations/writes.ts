import type { PatientDocument } from '../../database/clinical-writes/insert'
import type { LookUps } from '../../database/clinical-writes/look-up'
import type { Limiter } from '../../database/limiter'
import type { InTransaction } from '../../database/transaction'
import type { Context } from '../../deps'
import { AppError } from '../../errors'
import type { Answer, Refusal } from '../answer'
import type { StoredAnswer } from '../idempotency/claim'
import { type ClinicalSteps, runClinicalMutation } from './clinical-mutation'
import { openUpload, type UploadedFile } from './multipart'
import { auditOf, runMutation } from './mutation'
import type { Operation, OperationTypes } from './operation'
import { type BodyOf, type ContextOf, type Input, type Register, requestOf, toResponse } from './register'

/** The body as it came, for signatures over it. */
export type RawRequest = { text: string; headers: Headers }

type Run<O extends OperationTypes, Prepared> = (
  ctx: InTransaction<ContextOf<O>>,
  input: Input<O>,
  prepared: Prepared,
) => Promise<Answer<BodyOf<O>> | Refusal>

export type MutationSteps<O extends OperationTypes, Prepared> = {
  /** Slow or outside work (hashing, checking a password). */
  beforeTransaction?: (ctx: ContextOf<O>, input: Input<O>, raw: RawRequest) => Promise<Prepared>
  /** Requests with one key take turns in this process before they take a connection. */
  limiter?: (input: Input<O>) => [limiter: Limiter, key: string]
  run: Run<O, Prepared>
  /** Adds to a refusal, once the transaction has ended and the turn has passed on: it may read, and holds no lock. */
  explainRefusal?: (ctx: ContextOf<O>, input: Input<O>, error: AppError) => Promise<AppError>
  /**
   * Outside work that the committed answer calls for, and what is added to it on the way out but never stored. Runs after
   * every replay too, so that a retry finishes what was cut off. May throw.
   */
  afterCommit?: (ctx: ContextOf<O>, stored: StoredAnswer) => Promise<StoredAnswer>
}

/** A write: one transaction with its idempotency key, its audit event and its stored answer. */
export function addMutation<O extends OperationTypes, Prepared = undefined>(
  register: Register,
  op: Operation<O>,
  steps: MutationSteps<O, Prepared> | Run<O, undefined>,
): void {
  const { beforeTransaction, limiter, run, explainRefusal, afterCommit } = (
    typeof steps === 'function' ? { run: steps } : steps
  ) as MutationSteps<O, Prepared>
  register(op, async (c, ctx, input, text) => {
    const perform = async () => {
      // Without `beforeTransaction`, Prepared is undefined.
      const prepared = (await beforeTransaction?.(ctx, input, { text, headers: c.req.raw.headers })) as Prepared
      return runMutation(op, ctx, requestOf(c, text), (tx) => run(tx, input, prepared))
    }
    const [takeTurn, key] = limiter?.(input) ?? []
    try {
      const stored = await (takeTurn && key ? takeTurn(key, perform) : perform())
      return toResponse(afterCommit ? await afterCommit(ctx, stored) : stored)
    } catch (error) {
      throw explainRefusal && error instanceof AppError ? await explainRefusal(ctx, input, error) : error
    }
  })
}

/** An operation of doctors: there always is an actor. */
export type ByDoctor = OperationTypes & { access: readonly ['doctor'] }

/** A write of a clinical document: PostgreSQL, MongoDB, PostgreSQL (see clinical-mutation.ts). */
export function addClinicalMutation<O extends ByDoctor, D extends PatientDocument, Prepared = undefined>(
  register: Register,
  lookUps: LookUps,
  op: Operation<O>,
  steps: ClinicalSteps<Input<O>, BodyOf<O>, D, Prepared>,
): void {
  lookUps.set(auditOf(op).kind, steps.lookUp)
  register(op, async (c, ctx, input, text) =>
    toResponse(await runClinicalMutation(op, ctx as Context, requestOf(c, text), input, steps)),
  )
}

/** The same with a file; `beforeTransaction` has to read the file to its end, where it is known to be complete. */
export function addClinicalUpload<O extends ByDoctor, D extends PatientDocument, Prepared>(
  register: Register,
  lookUps: LookUps,
  op: Operation<O>,
  steps: ClinicalSteps<Input<O> & { file: UploadedFile }, BodyOf<O>, D, Prepared>,
): void {
  const { upload, operationId } = op
  if (!upload) throw new Error(`${operationId} does not declare its upload`)
  lookUps.set(auditOf(op).kind, steps.lookUp)
  register(op, async (c, ctx, input) => {
    const file = await openUpload(c.req.raw, upload)
    return toResponse(await runClinicalMutation(op, ctx as Context, requestOf(c, ''), { ...input, file }, steps))
  })
}
