import type { Config } from '../../config'

type Peppered = { config: Pick<Config, 'passwords'> }

const encoder = new TextEncoder()
const base64 = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes)))

/** HMAC of `message` under `pepper`, in base64. */
async function digest(pepper: string, algorithm: 'SHA-256' | 'SHA-384', message: string): Promise<string> {
  const secret = encoder.encode(pepper)
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: algorithm }, false, ['sign'])
  return base64(await crypto.subtle.sign('HMAC', key, encoder.encode(message)))
}

/** Always 64 characters: bcrypt reads at most 72 bytes and stops at a NUL. */
export const applyPepper = (pepper: string, password: string) => digest(pepper, 'SHA-384', password.normalize('NFKC'))

/** The pepper of this version; undefined if it is no longer configured. */
export function pepperOf({ config: { passwords } }: Peppered, pepperVersion: number): string | undefined {
  if (pepperVersion === passwords.pepperVersion) return passwords.pepper
  return pepperVersion === passwords.pepperVersion - 1 ? passwords.previousPepper : undefined
}

/** Replaces the address in logs and the audit trail, which must not contain it. */
export const emailDigest = ({ config: { passwords } }: Peppered, email: string) =>
  digest(passwords.pepper, 'SHA-256', `email:${email.toLowerCase()}`)
