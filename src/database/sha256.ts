import { hash } from 'node:crypto'

/** SHA-256 of bytes, or of a text as UTF-8, in hexadecimal. Synchronous; for short texts many times faster than crypto.subtle. */
export const sha256 = (content: string | Uint8Array): string => hash('sha256', content, 'hex')
