/** Largest difference between the signature's time and ours, delivery included; an older delivery could be a replay. */
const TOLERANCE_SECONDS = 300
/** A signer sends one signature for each of its secrets. More than this would only cost us time. */
const MAX_SIGNATURES = 8

const encoder = new TextEncoder()

/**
 * Stripe's scheme, `t=<unix seconds>,v1=<hex>`: HMAC-SHA-256 over `<t>.<body>`, keyed with the secret's own bytes.
 * https://docs.stripe.com/webhooks#verify-manually
 */
export async function signWebhook(secret: string, rawBody: string, at: Date): Promise<string> {
  const t = String(Math.floor(at.getTime() / 1000))
  return `t=${t},v1=${toHex(await sign(secret, signedBytes(t, rawBody)))}`
}

/** Why the signature is not valid; undefined if it was made with any of the secrets within the tolerance. */
export async function findSignatureFault(
  header: string | null,
  rawBody: string | Uint8Array<ArrayBuffer>,
  secrets: readonly string[],
  now: Date,
): Promise<string | undefined> {
  if (header === null) return 'the signature is missing'
  const parts = header.split(',').map((part) => part.trim())
  const valuesOf = (name: string) =>
    parts.filter((part) => part.startsWith(name)).map((part) => part.slice(name.length))
  const [t, ...others] = valuesOf('t=')
  const signatures = valuesOf('v1=').filter((hex) => /^[0-9a-f]{64}$/.test(hex))
  const countOk = signatures.length > 0 && signatures.length <= MAX_SIGNATURES
  if (t === undefined || others.length > 0 || !/^\d{1,12}$/.test(t) || !countOk)
    return 'the signature header is malformed'

  const signed = signedBytes(t, rawBody)
  const made = await Promise.all(secrets.map((secret) => sign(secret, signed)))
  if (!made.some((one) => signatures.map(fromHex).some((given) => areEqual(one, given))))
    return 'the signature does not match'
  const age = Math.floor(now.getTime() / 1000) - Number(t)
  return Math.abs(age) > TOLERANCE_SECONDS ? 'the signature is too old or from the future' : undefined
}

/** The body as text, for readers; bytes that are not UTF-8 become replacement characters. */
export const textOf = (rawBody: string | Uint8Array): string =>
  typeof rawBody === 'string' ? rawBody : new TextDecoder().decode(rawBody)

function signedBytes(t: string, rawBody: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const body = typeof rawBody === 'string' ? encoder.encode(rawBody) : rawBody
  const prefix = encoder.encode(`${t}.`)
  const bytes = new Uint8Array(prefix.length + body.length)
  bytes.set(prefix)
  bytes.set(body, prefix.length)
  return bytes
}

/** Once per secret, however many signatures are sent. */
async function sign(secret: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), HMAC, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes))
}

const HMAC = { name: 'HMAC', hash: 'SHA-256' }

/** In constant time. */
const areEqual = (a: Uint8Array, b: Uint8Array) => a.reduce((found, byte, i) => found | (byte ^ b[i]!), 0) === 0

const toHex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
