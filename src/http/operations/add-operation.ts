import { OpenAPIHono, type z } from '@hono/zod-openapi'
import type { Context as BareContext } from 'hono'
import type { Caller } from '../../actor'
import type { Config } from '../../config'
import type { Context, Deps } from '../../deps'
import type { IfMatch } from '../../errors'
import { limitAccount, limitOperation } from '../middleware/operation-limits'
import type { HttpEnv } from '../request'
import { auditFailure, type ReadSoFar } from './audit-failure'
import { authenticate, authorise } from './authentication'
import { ifMatchOf } from './if-match'
import { type RawInput, readInput } from './input'
import type { MutationRequest } from './mutation'
import type { Access, Operation, OperationTypes } from './operation'
import { wholeBody } from './stream'

export type HonoContext = BareContext<HttpEnv>

export type ActorOf<A extends Access> = A extends 'public' ? null : A extends 'optional' ? Caller | null : Caller

/** The context of an operation's handler: its actor follows from who may call it. */
export type ContextOf<O extends OperationTypes> = Context<ActorOf<O['access']>>

/** The checked input of a request. */
export type Input<O extends OperationTypes> = {
  params: z.output<O['params']>
  query: z.output<O['query']>
  body: z.output<O['body']>
  ifMatch: IfMatch
}

/** The body of an operation's answer before it is serialised. */
export type BodyOf<O extends OperationTypes> = [O['answer']] extends [z.ZodNever] ? undefined : z.input<O['answer']>

type Handle<O extends OperationTypes> = (
  c: HonoContext,
  ctx: ContextOf<O>,
  input: Input<O>,
  raw: Pick<RawInput, 'bytes' | 'text'>,
) => Promise<Response>

/** Adds an operation to an app: its OpenAPI entry, and its handler with authentication, input checks and rate limits. */
export type AddOperation = <O extends OperationTypes>(op: Operation<O>, handle: Handle<O>) => void

/** An app without routes, and the function that adds operations to it. */
export function createOperationApp(deps: Deps): { app: OpenAPIHono<HttpEnv>; addOperation: AddOperation } {
  const app = new OpenAPIHono<HttpEnv>()

  function addOperation<O extends OperationTypes>(op: Operation<O>, handle: Handle<O>): void {
    app.openAPIRegistry.registerPath(op.route)
    const former = op.formerPath?.replaceAll(/\{(\w+)\}/g, ':$1')
    app.on(op.method, [op.route.getRoutingPath(), ...(former ? [former] : [])], async (c) => {
      const ctx = await contextOf(deps, c, op.access)
      const soFar: ReadSoFar = { params: c.req.param() }
      try {
        authorise(op.access, ctx.actor)
        await limitOperation(ctx, c, op.rateLimit)
        const { params, query, body, ...raw } = await readInput(c, op, ctx.now)
        Object.assign(soFar, { query, body })
        const input = { params, query, body, ifMatch: ifMatchOf(c.req.header('if-match')) } as Input<O>
        // The actor's type follows from `access`, which authenticate() has just enforced.
        const run = () => handle(c, ctx as ContextOf<O>, input, raw)
        const response = await limitAccount(ctx, c, { limit: op.rateLimit, body }, run)
        showPublicly(response.headers, deps.config.publicUrl)
        if (ctx.actor || op.method !== 'get') response.headers.set('Cache-Control', 'no-store')
        return response
      } catch (thrown) {
        await auditFailure(ctx, op, soFar, thrown)
        throw thrown
      }
    })
  }

  return { app, addOperation }
}

/**
 * Handlers know paths of this app only, and so do stored answers: the path in front of them is added to what is sent. It is
 * never taken from the request, whose headers strangers write.
 */
function showPublicly(headers: Headers, publicUrl: Config['publicUrl']): void {
  const location = headers.get('location')
  if (location !== null && publicUrl) headers.set('Location', `${publicUrl.path}${location}`)
}

async function contextOf(deps: Deps, c: HonoContext, access: Access): Promise<Context<Caller | null>> {
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

/** The key that the client sent, and what distinguishes its request from others. */
export function requestOf(c: HonoContext, text: string): MutationRequest {
  const { pathname, search } = new URL(c.req.url)
  return {
    idempotencyKey: c.req.header('idempotency-key'),
    fingerprint: `${c.req.method} ${pathname}${search}\n${text}`,
    ifMatch: c.req.header('if-match')?.trim() ?? '',
  }
}

export const toResponse = ({
  status,
  body,
  headers,
}: {
  status: number
  body: string
  headers: Record<string, string>
}) => new Response(status === 204 ? null : wholeBody(body), { status, headers })
