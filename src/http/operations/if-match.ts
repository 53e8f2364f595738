import type { IfMatch } from '../../errors'

/** `*`, or a list of entity tags (RFC 9110, 13.1.1). A weak tag counts too: proxies weaken the tags of what they compress. */
export function ifMatchOf(sent: string | undefined): IfMatch {
  const header = sent?.trim()
  if (header === undefined || header === '*') return null
  const tags = header.split(',').map((tag) => /^(?:W\/)?"(\d{1,9})"$/.exec(tag.trim())?.[1])
  return new Set(tags.filter((tag) => tag !== undefined).map(Number))
}
