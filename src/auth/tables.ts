import type { Generated } from 'kysely'
import type { Role } from '../actor'

export type UserStatus = 'active' | 'disabled'

export type UsersTable = {
  id: string
  email: string
  passwordHash: string
  /** The version of `PASSWORD_PEPPER` that the hash was made with, so that the pepper can be changed. */
  pepperVersion: Generated<number>
  role: Role
  name: string
  /** The name as a search compares it; null until a task has folded what another release wrote. */
  folded: string | null
  phone: string | null
  status: Generated<UserStatus>
  createdAt: Generated<Date>
}

export type SessionsTable = {
  id: string
  userId: string
  /** Counts rotations of the refresh token; a token of an older generation is reuse. */
  generation: Generated<number>
  rotatedAt: Date
  createdAt: Generated<Date>
  lastUsedAt: Date
  expiresAt: Date
  idleExpiresAt: Date
  revokedAt: Date | null
  ip: string | null
  /** The network in which the session began; `ip` is that of the last refresh. */
  signInNetwork: Generated<string | null>
  userAgent: string | null
}

export type AuthTables = { users: UsersTable; sessions: SessionsTable }
