import { OpenAPIHono, type z } from '@hono/zod-openapi'
import type { Context as BareContext } from 'hono'
import type { Role } from '../auth/tables'
import { auditEvent, withEvent } from '../database/audit-outbox'
import { type FindOne, readEvent } from '../database/audited-read'
import type { PatientDocument } from '../database/fenced-insert'
import type { Lane } from '../database/lane'
import type { Actor, Context, Deps, TransactionContext } from '../deps'
import { AppError } from '../errors'
import { type Answer, type Refusal, serialise } from './answer'
import { authenticate, authorise } from './authentication'
import { type ClinicalSteps, runClinicalMutation } from './clinical-mutation'
import { withinDeadline } from './deadline'
import { type Attempt, recordFailure } from './failures'
import type { StoredAnswer } from './idempotency/claim'
import { readInput } from './input'
import { openUpload, type UploadedFile } from './multipart'
import { auditOf, runMutation } from './mutation'
import type { Access, Operation } from './operation'
import { limitOperation } from './rate-limits'
import type { HttpEnv } from './request'
import { streamBody, wholeBody } from './stream'

type HonoContext = BareContext<HttpEnv>

/** Deadline of a read; writes are bounded by lock and statement timeouts, so that COMMIT is always awaited. */
const READ_DEADLINE_MS = 10_000

export type Input<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> = {
  params: z.output<P>
  query: z.output<Q>
  body: z.output<B>
  /** The version that If-Match names; null without the header, -1 for one that can never match. */
  ifMatch: number | null
}

export type ActorOf<A extends Access> = A extends 'public' ? null : A extends 'optional' ? Actor | null : Actor

type Run<C, I, S extends z.ZodType> = (
  ctx: C,
  input: I,
) => Promise<Answer<[S] extends [z.ZodNever] ? undefined : z.input<S>>>

type MutationSteps<A extends Access, I, S extends z.ZodType, Prepared> = {
  /** Slow or outside work (hashing, checking a password), done before the transaction opens. */
  prepare?: (ctx: Context<ActorOf<A>>, input: I, raw: RawRequest) => Promise<Prepared>
  /** Requests with one key take turns in this process before they take a connection. */
  lane?: (input: I) => [lane: Lane, key: string]
  run: (
    ctx: TransactionContext<ActorOf<A>>,
    input: I,
    prepared: Prepared,
  ) => Promise<Answer<[S] extends [z.ZodNever] ? undefined : z.input<S>> | Refusal>
  /** Says more about a refusal, after the transaction has ended and the turn has passed on: it may read, holding no lock. */
  onRefused?: (ctx: Context<ActorOf<A>>, input: I, error: AppError) => Promise<AppError>
  /**
   * Outside work that the committed answer calls for, and what is added to it on the way out but never stored. Runs after
   * every replay too, so that a retry finishes what was cut off. May throw.
   */
  finish?: (ctx: Context<ActorOf<A>>, stored: StoredAnswer) => Promise<StoredAnswer>
}

/** As it came: for signatures over the body. */
export type RawRequest = { text: string; headers: Headers }

/** The routes of one feature. Each is declared by an `operation` and answered by a short handler. */
export function createRouter(deps: Deps) {
  const app = new OpenAPIHono<HttpEnv>()

  function register<
    P extends z.ZodType,
    Q extends z.ZodType,
    B extends z.ZodType,
    S extends z.ZodType,
    A extends Access,
  >(
    op: Operation<P, Q, B, S, A>,
    handle: (c: HonoContext, ctx: Context<ActorOf<A>>, input: Input<P, Q, B>, text: string) => Promise<Response>,
  ): void {
    app.openAPIRegistry.registerPath(op.route)
    app.on(op.method, [op.route.getRoutingPath()], async (c) => {
      const ctx = await contextOf(deps, c, op.access)
      const attempt: Attempt = { params: c.req.param() }
      try {
        authorise(op.access, ctx.actor)
        const { params, query, body, text } = await readInput(c, op)
        Object.assign(attempt, { query, body })
        await limitOperation(ctx, c, op.rateLimit, body)
        const input = { params, query, body, ifMatch: ifMatchOf(c) } as Input<P, Q, B>
        // The actor's type follows from `access`, which authenticate() has just enforced.
        const response = await handle(c, ctx as Context<ActorOf<A>>, input, text)
        if (ctx.actor || op.method !== 'get') response.headers.set('Cache-Control', 'no-store')
        return response
      } catch (thrown) {
        await recordFailure(ctx, op, attempt, thrown)
        throw thrown
      }
    })
  }

  return {
    app,

    /** A GET. Where health data leaves, its audit event is committed before the answer is sent. */
    read<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, S extends z.ZodType, A extends Access>(
      op: Operation<P, Q, B, S, A>,
      run: Run<Context<ActorOf<A>>, Input<P, Q, B>, S>,
    ): void {
      register(op, async (_c, ctx, input) => {
        const answer = await withinDeadline(READ_DEADLINE_MS, () => run(ctx, input))
        if (op.audit) await ctx.auditWriter.append(auditEvent(ctx, op.audit, answer.audit ?? {}))
        return toResponse(serialise(op.answer.status, answer))
      })
    },

    /**
     * A GET of one row about one patient: `find` reads it and writes the audit event in one statement, which
     * saves a round trip.
     */
    readOne<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, S extends z.ZodType>(
      op: Operation<P, Q, B, S, 'signed_in' | readonly Role[]>,
      run: (ctx: Context, input: Input<P, Q, B>, find: FindOne) => ReturnType<Run<Context, Input<P, Q, B>, S>>,
    ): void {
      register(op, async (c, ctx, input) => {
        const event = readEvent(ctx, auditOf(op), c.req.param('id')!)
        let recorded = false
        const find: FindOne = async (read, values) => {
          const row = await read(ctx.db, ctx.actor, values, event)
          recorded = row !== undefined
          return row
        }
        try {
          const answer = await withinDeadline(READ_DEADLINE_MS, () => run(ctx, input, find))
          return toResponse(serialise(op.answer.status, answer))
        } catch (error) {
          throw recorded ? withEvent(error) : error
        }
      })
    },

    /**
     * A GET whose text or bytes are sent as they are made, or are all there; its audit event is committed before the first
     * leaves.
     */
    stream<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, S extends z.ZodType, A extends Access>(
      op: Operation<P, Q, B, S, A>,
      run: (
        ctx: Context<ActorOf<A>>,
        input: Input<P, Q, B>,
      ) => Promise<Answer<AsyncIterable<string | Uint8Array> | Uint8Array>>,
    ): void {
      register(op, async (_c, ctx, input) => {
        const answer = await withinDeadline(READ_DEADLINE_MS, () => run(ctx, input))
        if (op.audit) await ctx.auditWriter.append(auditEvent(ctx, op.audit, answer.audit ?? {}))
        const { status, headers } = serialise(op.answer.status, { ...answer, body: '' })
        const { log, requestId } = ctx
        const body =
          answer.body instanceof Uint8Array
            ? wholeBody(answer.body)
            : streamBody(answer.body, (error) => log.error({ error, requestId }, 'an answer broke off'))
        return new Response(body, { status, headers })
      })
    },

    /** A write: one transaction with its idempotency key, its audit event and its stored answer. */
    mutation<
      P extends z.ZodType,
      Q extends z.ZodType,
      B extends z.ZodType,
      S extends z.ZodType,
      A extends Access,
      Prepared = undefined,
    >(
      op: Operation<P, Q, B, S, A>,
      steps: MutationSteps<A, Input<P, Q, B>, S, Prepared> | MutationSteps<A, Input<P, Q, B>, S, undefined>['run'],
    ): void {
      const { prepare, lane, run, onRefused, finish } = (
        typeof steps === 'function' ? { run: steps } : steps
      ) as MutationSteps<A, Input<P, Q, B>, S, Prepared>
      register(op, async (c, ctx, input, text) => {
        const perform = async () => {
          // Without `prepare`, Prepared is undefined.
          const prepared = (await prepare?.(ctx, input, { text, headers: c.req.raw.headers })) as Prepared
          return runMutation(op, ctx, requestOf(c, text), (tx) => run(tx, input, prepared))
        }
        const [turn, key] = lane?.(input) ?? []
        try {
          const stored = await (turn && key ? turn(key, perform) : perform())
          return toResponse(finish ? await finish(ctx, stored) : stored)
        } catch (error) {
          throw onRefused && error instanceof AppError ? await onRefused(ctx, input, error) : error
        }
      })
    },

    /** A write of a clinical document: PostgreSQL, MongoDB, PostgreSQL (see clinical-mutation.ts). */
    clinicalMutation<
      P extends z.ZodType,
      Q extends z.ZodType,
      B extends z.ZodType,
      S extends z.ZodType,
      D extends PatientDocument,
      Prepared = undefined,
    >(
      op: Operation<P, Q, B, S, readonly ['doctor']>,
      steps: ClinicalSteps<Input<P, Q, B>, z.input<S>, D, Prepared>,
    ): void {
      register(op, async (c, ctx, input, text) =>
        toResponse(await runClinicalMutation(op, ctx, requestOf(c, text), input, steps)),
      )
    },

    /** The same for one that comes with a file; `prepare` has to read the file to its end, where it is known to be whole. */
    clinicalUpload<
      P extends z.ZodType,
      Q extends z.ZodType,
      B extends z.ZodType,
      S extends z.ZodType,
      D extends PatientDocument,
      Prepared,
    >(
      op: Operation<P, Q, B, S, readonly ['doctor']>,
      steps: ClinicalSteps<Input<P, Q, B> & { file: UploadedFile }, z.input<S>, D, Prepared>,
    ): void {
      const { upload, operationId } = op
      if (!upload) throw new Error(`${operationId} does not declare its upload`)
      register(op, async (c, ctx, input) => {
        const file = await openUpload(c.req.raw, upload)
        return toResponse(await runClinicalMutation(op, ctx, requestOf(c, ''), { ...input, file }, steps))
      })
    },
  }
}

export type Router = ReturnType<typeof createRouter>

async function contextOf(deps: Deps, c: HonoContext, access: Access): Promise<Context<Actor | null>> {
  const { requestId, ip } = c.var
  const actor = await authenticate(deps, c, access)
  c.set('actorId', actor?.userId)
  return {
    ...deps,
    actor,
    now: deps.clock(),
    requestId,
    ip,
    userAgent: c.req.header('user-agent')?.slice(0, 300) ?? null,
  }
}

/** What an idempotency fingerprint is made of. */
function requestOf(c: HonoContext, text: string) {
  const { pathname, search } = new URL(c.req.url)
  return {
    idempotencyKey: c.req.header('idempotency-key'),
    fingerprint: `${c.req.method} ${pathname}${search}\n${text}`,
  }
}

function ifMatchOf(c: HonoContext): number | null {
  const header = c.req.header('if-match')?.trim()
  if (header === undefined || header === '*') return null
  const version = /^(?:W\/)?"(\d{1,9})"$/.exec(header)?.[1]
  return version === undefined ? -1 : Number(version)
}

const toResponse = ({ status, body, headers }: { status: number; body: string; headers: Record<string, string> }) =>
  new Response(status === 204 ? null : wholeBody(body), { status, headers })
