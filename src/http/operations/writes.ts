import type { PatientDocument } from '../../database/clinical-writes/insert'
import type { LookUps } from '../../database/clinical-writes/look-up'
import type { Limiter } from '../../database/limiter'
import type { InTransaction } from '../../database/transaction'
import type { Context } from '../../deps'
import { AppError } from '../../errors'
import type { Answer, Refusal } from '../answer'
import type { StoredAnswer } from '../idempotency/claim'
import { type AddOperation, type BodyOf, type ContextOf, type Input, requestOf, toResponse } from './add-operation'
import { type ClinicalSteps, runClinicalMutation } from './clinical-mutation'
import { openUpload, type UploadedFile } from './multipart'
import { auditOf, hasStoredAnswer, runMutation } from './mutation'
import type { Operation, OperationTypes } from './operation'
import type { ReplayRule } from './replay'

/** The body as it arrived, for signatures over it. */
export type RawRequest = { bytes: Uint8Array<ArrayBuffer>; headers: Headers }

type Run<O extends OperationTypes, Prepared> = (
  ctx: InTransaction<ContextOf<O>>,
  input: Input<O>,
  prepared: Prepared,
) => Promise<Answer<BodyOf<O>> | Refusal>

export type MutationSteps<O extends OperationTypes, Prepared> = {
  /** Slow or outside work, such as hashing a password. */
  beforeTransaction?: (ctx: ContextOf<O>, input: Input<O>, raw: RawRequest) => Promise<Prepared>
  /** Requests with the same key wait for this limiter before they take a connection. */
  limiter?: (input: Input<O>) => [limiter: Limiter, key: string]
  /**
   * Throws the refusal of a request that cannot succeed at this moment, before it takes a turn or a connection, and again
   * after it has waited for its turn. `isRetry` tells whether an answer is stored under its idempotency key.
   */
  refuseEarly?: (ctx: ContextOf<O>, input: Input<O>, isRetry: () => Promise<boolean>) => Promise<void>
  run: Run<O, Prepared>
  /** Adds to a refusal, after the transaction and the turn in the limiter have ended: it may read and holds no lock. */
  explainRefusal?: (ctx: ContextOf<O>, input: Input<O>, error: AppError) => Promise<AppError>
  /**
   * Outside work after the commit, such as a call of a payment provider; may add to the answer what must not be stored.
   * Runs after every replay too, so that a retry finishes interrupted work. May throw.
   */
  afterCommit?: (ctx: ContextOf<O>, stored: StoredAnswer) => Promise<StoredAnswer>
}

/** A write: one transaction with its idempotency key, its audit event and its stored answer. */
export function addMutation<O extends OperationTypes, Prepared = undefined>(
  addOperation: AddOperation,
  op: Operation<O>,
  rule: ReplayRule<NoInfer<Prepared>>,
  steps: MutationSteps<O, Prepared> | Run<O, undefined>,
): void {
  const { beforeTransaction, limiter, refuseEarly, run, explainRefusal, afterCommit } = (
    typeof steps === 'function' ? { run: steps } : steps
  ) as MutationSteps<O, Prepared>
  addOperation(op, async (c, ctx, input, { bytes, text }) => {
    const perform = async () => {
      // Without `beforeTransaction`, Prepared is undefined.
      const prepared = (await beforeTransaction?.(ctx, input, { bytes, headers: c.req.raw.headers })) as Prepared
      return runMutation(op, ctx, requestOf(c, text), { rule, prepared }, (tx) => run(tx, input, prepared))
    }
    const isRetry = () => hasStoredAnswer(ctx, requestOf(c, text))
    const refuse = async () => refuseEarly?.(ctx, input, isRetry)
    const [takeTurn, key] = limiter?.(input) ?? []
    try {
      await refuse()
      const inTurn = async (waited = false) => {
        if (waited) await refuse()
        return perform()
      }
      const stored = await (takeTurn && key ? takeTurn(key, inTurn) : perform())
      return toResponse(afterCommit ? await afterCommit(ctx, stored) : stored)
    } catch (error) {
      throw explainRefusal && error instanceof AppError ? await explainRefusal(ctx, input, error) : error
    }
  })
}

/** An operation for doctors only: there always is an actor. */
export type DoctorOperation = OperationTypes & { access: readonly ['doctor'] }

/** A write of a clinical document: PostgreSQL, MongoDB, PostgreSQL (see clinical-mutation.ts). */
export function addClinicalMutation<O extends DoctorOperation, D extends PatientDocument, Prepared = undefined>(
  addOperation: AddOperation,
  lookUps: LookUps,
  op: Operation<O>,
  rule: ReplayRule<NoInfer<Prepared>>,
  steps: ClinicalSteps<Input<O>, BodyOf<O>, D, Prepared>,
): void {
  lookUps.set(auditOf(op).kind, steps.lookUp)
  addOperation(op, async (c, ctx, input, { text }) =>
    toResponse(await runClinicalMutation(op, ctx as Context, requestOf(c, text), input, rule, steps)),
  )
}

/** A clinical mutation with a file. `beforeTransaction` must read the file to its end, to know that it is complete. */
export function addClinicalUpload<O extends DoctorOperation, D extends PatientDocument, Prepared>(
  addOperation: AddOperation,
  lookUps: LookUps,
  op: Operation<O>,
  rule: ReplayRule<NoInfer<Prepared>>,
  steps: ClinicalSteps<Input<O> & { file: UploadedFile }, BodyOf<O>, D, Prepared>,
): void {
  const { upload, operationId } = op
  if (!upload) throw new Error(`${operationId} does not declare its upload`)
  lookUps.set(auditOf(op).kind, steps.lookUp)
  addOperation(op, async (c, ctx, input) => {
    const file = await openUpload(c.req.raw, upload, c.env?.bodyEnd)
    return toResponse(await runClinicalMutation(op, ctx as Context, requestOf(c, ''), { ...input, file }, rule, steps))
  })
}
