import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../support/server'

const read = (name: string) => readFileSync(join(ROOT, 'deploy/compose', name), 'utf8')

/** The statements of the script for PostgreSQL, as psql would send them with this password. */
export const postgresStatements = (password: string): string =>
  read('postgres-roles.sql')
    .replace(/^\\getenv password POSTGRESQL_PASSWORD$/m, '')
    .replaceAll(":'password'", `'${password}'`)

type Privilege = { resource: { db: string; collection: string }; actions: string[] }
type Role = { role: string; privileges: Privilege[]; roles: string[] }
type User = { user: string; pwd: string; roles: string[] }

/** What the script for MongoDB creates. */
export function mongoUsers(env: Record<string, string>) {
  const roles = new Map<string, Role>()
  const users = new Map<string, User>()
  const admin = {
    createRole: (role: Role) => void roles.set(role.role, role),
    createUser: (user: User) => void users.set(user.user, user),
  }
  const db = { getSiblingDB: (name: string) => (name === 'admin' ? admin : undefined) }
  new Function('db', 'process', read('mongo-users.js'))(db, { env })
  return { users, rightsOf: (user: string) => rightsOf(roles, users.get(user)!.roles) }
}

/** Collection → actions. */
export type Rights = Map<string, Set<string>>

function rightsOf(roles: Map<string, Role>, names: string[], rights: Rights = new Map()): Rights {
  for (const name of names) {
    const { privileges, roles: inherited } = roles.get(name)!
    for (const { resource, actions } of privileges) {
      const { collection } = resource
      rights.set(collection, new Set([...(rights.get(collection) ?? []), ...actions]))
    }
    rightsOf(roles, inherited, rights)
  }
  return rights
}
