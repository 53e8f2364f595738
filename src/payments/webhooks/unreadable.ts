import { sha256 } from '../../database/sha256'
import type { ProviderEvent } from '../../ledger/provider'

/** `unread`: the body of an event that could not be read, and whether a person must look at it. */
export type ReceivedEvent = ProviderEvent & {
  provider: string
  unread?: { raw: Uint8Array; needsAttention: boolean }
}

/**
 * A signed event that we cannot read. It is accepted, since the provider would send it again for days, and kept whole. Its
 * digest is its id, so that it is stored once.
 */
export function unreadableEvent(
  provider: string,
  raw: Uint8Array<ArrayBuffer>,
  now: Date,
  needsAttention: boolean,
): ReceivedEvent {
  const id = `sha256 ${sha256(raw)}`
  return { id, name: 'unreadable', occurredAt: now, type: 'unknown', provider, unread: { raw, needsAttention } }
}

/** False for texts with NUL or half a surrogate pair, which PostgreSQL does not store. */
export function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed()
  return typeof value !== 'object' || value === null || Object.values(value).every(isStorable)
}
