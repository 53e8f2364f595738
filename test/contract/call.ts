import type { Caller, Role } from '../../src/actor'
import type { World } from './world'

/** Parameters and body of one request; `as` replaces the usual person of that role. */
export type Call = {
  path?: Record<string, string>
  query?: Record<string, string>
  body?: Record<string, unknown>
  /** Instead of a JSON body, one file in multipart/form-data. */
  upload?: Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
  as?: Caller
}

/** The answer to an actor of the right role without access to the thing. */
export type Refusal = 403 | 404 | 'empty'

export type Entry = {
  /** Makes a new request that succeeds for the owner of that role. */
  call: (world: World, role: Role) => Call | Promise<Call>
  /** The refusal by role; only admins may be left out. `'none'` if nobody of these roles is refused. */
  strangers: Partial<Record<Role, Refusal>> | 'none'
  /** The id field of the body that a stranger has no access to, if the body has several ids. */
  thing?: string
  /** The list may be empty. */
  mayBeEmpty?: true
}
