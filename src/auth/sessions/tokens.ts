import { sign, verify } from 'hono/jwt'
import { z } from 'zod'
import type { Caller } from '../../actor'
import type { Config } from '../../config'
import { AppError } from '../../errors'

const ISSUER = 'healthcare-appointment-system'
const ALGORITHM = 'HS256'

const base = { iss: z.literal(ISSUER), aud: z.literal(ISSUER), exp: z.int(), iat: z.int() }
const AccessClaims = z.object({
  ...base,
  typ: z.literal('access'),
  sub: z.uuid(),
  sid: z.uuid(),
  role: z.enum(['patient', 'doctor', 'admin']),
  pid: z.uuid().optional(),
  did: z.uuid().optional(),
})
const RefreshClaims = z.object({ ...base, typ: z.literal('refresh'), sid: z.uuid(), gen: z.int().min(0) })

const seconds = (date: Date) => Math.floor(date.getTime() / 1000)

/** A short-lived token that is checked without a query; holds the role and the caller's own patient or doctor id. */
export function signAccessToken({ tokens }: Config, actor: Caller, now: Date): Promise<string> {
  const iat = seconds(now)
  const own = { ...(actor.patientId && { pid: actor.patientId }), ...(actor.doctorId && { did: actor.doctorId }) }
  const who = { sub: actor.userId, sid: actor.sessionId, role: actor.role, ...own }
  const claims = { iss: ISSUER, aud: ISSUER, typ: 'access', iat, exp: iat + tokens.accessSeconds, ...who }
  return sign(claims, tokens.accessSecret, ALGORITHM)
}

/** `expiresAt` in epoch ms. */
export type VerifiedToken = { caller: Caller; expiresAt: number }

/** Throws `unauthenticated` for any defect. Does not check whether token or session have ended. */
export async function verifyAccessToken({ tokens }: Config, token: string): Promise<VerifiedToken> {
  const claims = await verifiedClaims(AccessClaims, token, [tokens.accessSecret, tokens.previousAccessSecret])
  if (!claims) throw new AppError('unauthenticated', 'The access token is not valid.')
  const { sub: userId, sid: sessionId, role, pid: patientId, did: doctorId } = claims
  const caller = { userId, sessionId, role, ...(patientId && { patientId }), ...(doctorId && { doctorId }) }
  return { caller: Object.freeze(caller), expiresAt: claims.exp * 1000 }
}

/** Deterministic, so that a lost answer can be sent again. `rotatedAt` is when this generation began. */
export function signRefreshToken(
  { tokens }: Config,
  sessionId: string,
  generation: number,
  rotatedAt: Date,
): Promise<string> {
  const iat = seconds(rotatedAt)
  const claims = {
    iss: ISSUER,
    aud: ISSUER,
    typ: 'refresh',
    iat,
    exp: iat + tokens.refreshSeconds,
    sid: sessionId,
    gen: generation,
  }
  return sign(claims, tokens.refreshSecret, ALGORITHM)
}

/** Undefined for a token that is forged, expired or of another kind; the client must not learn which. */
export async function verifyRefreshToken({ tokens }: Config, token: string, now: Date) {
  const claims = await verifiedClaims(RefreshClaims, token, [tokens.refreshSecret, tokens.previousRefreshSecret])
  return claims && claims.exp > seconds(now) ? { sessionId: claims.sid, generation: claims.gen } : undefined
}

/**
 * The time checks of hono/jwt are off: they read the system clock, accept a token without `exp`, and quote the token in
 * their messages. The schema requires the claims instead.
 */
async function verifiedClaims<T extends z.ZodType>(
  schema: T,
  token: string,
  [secret, previous]: [secret: string, previous: string | undefined],
): Promise<z.output<T> | undefined> {
  try {
    return schema.parse(await verify(token, secret, { alg: ALGORITHM, exp: false, nbf: false, iat: false }))
  } catch {
    return previous === undefined ? undefined : verifiedClaims(schema, token, [previous, undefined])
  }
}
