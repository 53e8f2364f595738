import type { Config } from '../config'
import type { Checkpoint } from './queries'

const ALGORITHM = 'Ed25519'
const encoder = new TextEncoder()

/** The bytes before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410, section 7). */
const PKCS8_PREFIX = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]

export type CheckpointKey = {
  /** In base64url, as in a JWK; enough to check signatures. */
  publicKey: string
  sign(checkpoint: Omit<Checkpoint, 'signature'>): Promise<Checkpoint>
  /** Whether it was signed by this key or by a key in AUDIT_FORMER_PUBLIC_KEYS. */
  isGenuine(checkpoint: Checkpoint): Promise<boolean>
  signText(text: string): Promise<string>
  isGenuineText(text: string, signature: string): Promise<boolean>
}

/** Derives the private key from AUDIT_SIGNING_KEY (HKDF-SHA-256, no salt, the info below); it is stored nowhere. */
export async function openCheckpointKey({ signingKey, formerPublicKeys }: Config['audit']): Promise<CheckpointKey> {
  const secret = await crypto.subtle.importKey('raw', encoder.encode(signingKey), 'HKDF', false, ['deriveBits'])
  const info = encoder.encode('audit checkpoints v1')
  const salt = new Uint8Array()
  const seed = await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, secret, 256)
  const pkcs8 = new Uint8Array([...PKCS8_PREFIX, ...new Uint8Array(seed)])
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign'])
  const { x: publicKey } = (await crypto.subtle.exportKey('jwk', privateKey)) as { x: string }
  const trusted = await Promise.all([publicKey, ...formerPublicKeys].map(importPublicKey))
  const signText = async (text: string) =>
    toBase64(new Uint8Array(await crypto.subtle.sign(ALGORITHM, privateKey, encoder.encode(text))))
  const isGenuineText = async (text: string, signed: string) => {
    const signature = fromBase64(signed)
    if (!signature) return false
    for (const key of trusted)
      if (await crypto.subtle.verify(ALGORITHM, key, signature, encoder.encode(text))) return true
    return false
  }
  return {
    publicKey,
    signText,
    isGenuineText,
    sign: async (checkpoint) => ({ ...checkpoint, signature: await signText(statementOf(checkpoint)) }),
    isGenuine: (checkpoint) => isGenuineText(statementOf(checkpoint), checkpoint.signature),
  }
}

const importPublicKey = (x: string) =>
  crypto.subtle.importKey('jwk', { kty: 'OKP', crv: ALGORITHM, x }, ALGORITHM, true, ['verify'])

/** The text that is signed. */
const statementOf = ({ seq, hash, createdAt }: Omit<Checkpoint, 'signature'>) =>
  `audit checkpoint ${seq} ${createdAt.toISOString()} ${hash}`

const toBase64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes))

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
