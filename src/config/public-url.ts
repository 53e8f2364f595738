import { z } from 'zod'

/** The address at which clients reach the API; `path` is its path without a slash at the end. */
export type PublicUrl = { href: string; path: string }

/** Of an address, only what a path can follow: no user, query or fragment. */
function parse(text: string): PublicUrl | undefined {
  if (!/^https?:\/\/[^/@?#\\\s]+(\/[^?#\\\s]*)?$/.test(text) || !URL.canParse(text)) return undefined
  const { origin, pathname } = new URL(text)
  const path = pathname.replace(/\/+$/, '')
  // A second slash at the start would make the first part of the path a host.
  return path.startsWith('//') ? undefined : { href: `${origin}${path}`, path }
}

export const publicUrl = z
  .string()
  .refine((text) => parse(text) !== undefined, {
    error: 'must be an address like https://clinic.example or https://clinic.example/api',
    abort: true,
  })
  .transform((text) => parse(text)!)
