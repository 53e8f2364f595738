import { sql } from 'kysely'

/**
 * Locks and channels are known in the whole database. Their names carry the schema, so that organisations that share a
 * database do not hear or stop each other; in `public` they are the plain names that earlier releases use.
 */
export const scopedName = (schema: string, name: string): string => (schema === 'public' ? name : `${schema}.${name}`)

const PREFIX = `case current_schema() when 'public' then '' else current_schema() || '.' end`

/** The same in SQL, for the parameter or expression `name`. */
export const scopedNameSql = (name: string): string => `(${PREFIX} || ${name})`

export const scopedChannel = (name: string) => sql<string>`(${sql.raw(PREFIX)} || ${name}::text)`
