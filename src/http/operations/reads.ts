import type { z } from '@hono/zod-openapi'
import type { Role } from '../../actor'
import { auditEvent, auditEventOfRead } from '../../database/audit-event'
import { markAudited } from '../../database/audit-outbox'
import type { FindOneRow } from '../../database/audited-read'
import type { Context } from '../../deps'
import { notFound } from '../../errors'
import { type Answer, serialise } from '../answer'
import { withinDeadline } from '../deadline'
import { type AddOperation, type BodyOf, type ContextOf, type Input, toResponse } from './add-operation'
import { auditOf } from './mutation'
import type { Operation, OperationTypes } from './operation'
import { streamBody, wholeBody } from './stream'

/** Deadline of reads. Writes have none, so that COMMIT is always awaited; lock and statement timeouts bound them. */
const READ_DEADLINE_MS = 10_000

/** A GET. If it is audited, the event is committed before the answer is sent. */
export function addRead<O extends OperationTypes>(
  addOperation: AddOperation,
  op: Operation<O>,
  run: (ctx: ContextOf<O>, input: Input<O>) => Promise<Answer<BodyOf<O>>>,
): void {
  addOperation(op, async (_c, ctx, input) => {
    const answer = await withinDeadline(READ_DEADLINE_MS, () => run(ctx, input))
    if (op.audit) await ctx.auditWriter.append(auditEvent(ctx, op.audit, answer.audit ?? {}))
    return toResponse(serialise(op.answer.status, answer))
  })
}

/** An operation of signed-in callers on one thing, named by the path parameter `id`. */
export type OneThing = OperationTypes & {
  params: z.ZodType<{ id: string }>
  access: 'signed_in' | readonly Role[]
}

export type ReadOne<O extends OneThing, Row> = {
  /** Made by `preparedOneRow`: reads the row and writes the audit event in one statement. */
  find: FindOneRow<Row>
  /** The noun in a 404: `There is no such <thing>.` */
  thing: string
  answer: (ctx: Context, row: Row, input: Input<O>) => Answer<BodyOf<O>> | Promise<Answer<BodyOf<O>>>
}

/** A GET of one row about one patient, read and audited in one round trip. */
export function addReadOne<O extends OneThing, Row>(
  addOperation: AddOperation,
  op: Operation<O>,
  { find, thing, answer }: ReadOne<O, Row>,
): void {
  addOperation(op, async (_c, context, input) => {
    // `access` requires a token, so there is an actor.
    const ctx = context as Context
    const { id } = input.params as { id: string }
    const event = auditEventOfRead(ctx, auditOf(op), id)
    const readAndAnswer = async () => {
      const row = await find(ctx.db, ctx.actor, { id }, event)
      if (!row) throw notFound(thing)
      try {
        return await answer(ctx, row, input)
      } catch (error) {
        throw markAudited(error)
      }
    }
    return toResponse(serialise(op.answer.status, await withinDeadline(READ_DEADLINE_MS, readAndAnswer)))
  })
}

/** A GET that streams its answer, or sends bytes. If it is audited, the event is committed before the first byte. */
export function addStream<O extends OperationTypes>(
  addOperation: AddOperation,
  op: Operation<O>,
  run: (ctx: ContextOf<O>, input: Input<O>) => Promise<Answer<AsyncIterable<string | Uint8Array> | Uint8Array>>,
): void {
  addOperation(op, async (_c, ctx, input) => {
    const answer = await withinDeadline(READ_DEADLINE_MS, () => run(ctx, input))
    if (op.audit) await ctx.auditWriter.append(auditEvent(ctx, op.audit, answer.audit ?? {}))
    const { status, headers } = serialise(op.answer.status, { ...answer, body: '' })
    const { log, requestId } = ctx
    const body =
      answer.body instanceof Uint8Array
        ? wholeBody(answer.body)
        : streamBody(answer.body, (error) => log.error({ error, requestId }, 'an answer was cut off'))
    return new Response(body, { status, headers })
  })
}
