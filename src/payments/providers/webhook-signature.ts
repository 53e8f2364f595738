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
  const signature = await crypto.subtle.sign('HMAC', await importKey(secret), encoder.encode(`${t}.${rawBody}`))
  return `t=${t},v1=${toHex(new Uint8Array(signature))}`
}

/** Why the signature is not valid; undefined if it was made with any of the secrets within the tolerance. */
export async function findSignatureFault(
  header: string | null,
  rawBody: string,
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

  const signed = encoder.encode(`${t}.${rawBody}`)
  const checks = await Promise.all(
    secrets.flatMap((secret) => signatures.map((hex) => verify(secret, fromHex(hex), signed))),
  )
  if (!checks.includes(true)) return 'the signature does not match'
  const age = Math.floor(now.getTime() / 1000) - Number(t)
  return Math.abs(age) > TOLERANCE_SECONDS ? 'the signature is too old or from the future' : undefined
}

/** WebCrypto compares in constant time. */
async function verify(secret: string, signature: Uint8Array<ArrayBuffer>, signed: Uint8Array<ArrayBuffer>) {
  return crypto.subtle.verify('HMAC', await importKey(secret), signature, signed)
}

const importKey = (secret: string) =>
  crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])

const toHex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
