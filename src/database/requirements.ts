import type { QueryResult, QueryResultRow } from 'pg'

/** The database cannot be used as it is; the message is one sentence that says why and what to change. */
export class UnusableDatabaseError extends Error {
  override name = 'UnusableDatabaseError'
}

const OLDEST = 15

type Queryable = { query<R extends QueryResultRow>(statement: string): Promise<QueryResult<R>> }
/** What a new session sees of the server, the database, the role and the search path. */
export type DatabaseFacts = {
  version: string
  major: number
  encoding: string
  database: string
  user: string
  path: string
  schema: string | null
  mayCreateTables: boolean
  mayCreateExtensions: boolean
  extensions: Extension[]
}
type Extension = { name: string; available: boolean; schema: string | null; onPath: boolean }

/**
 * Throws UnusableDatabaseError before a migration or a request would fail halfway, or store a wrong value silently. A role
 * that does not migrate need not be allowed to create anything.
 */
export async function checkRequirements(session: Queryable, { migrates }: { migrates: boolean }): Promise<void> {
  const { rows } = await session.query<DatabaseFacts>(DATABASE_FACTS)
  requireUsable(rows[0]!, { migrates })
}

export function requireUsable(facts: DatabaseFacts, { migrates }: { migrates: boolean }): void {
  const problem = findProblem(facts) ?? (migrates ? findMissingRight(facts) : undefined)
  if (problem) throw new UnusableDatabaseError(problem)
}

/** The checks that no schema and no extension can mend: throws UnusableDatabaseError before either is made. */
export async function checkDatabase(session: Queryable): Promise<void> {
  const [facts] = (await session.query<DatabaseFacts>(DATABASE_FACTS)).rows
  const problem = findUnusable(facts!)
  if (problem) throw new UnusableDatabaseError(problem)
}

function findUnusable({ version, major, encoding, database }: DatabaseFacts): string | undefined {
  if (major < OLDEST) return `PostgreSQL ${version} is too old: use version ${OLDEST} or newer.`
  if (encoding !== 'UTF8')
    return `Database "${database}" has the encoding ${encoding}, which lacks characters of names: create it with encoding 'UTF8' and template template0.`
  return undefined
}

function findProblem(facts: DatabaseFacts): string | undefined {
  const { user, path, schema, extensions } = facts
  const unusable = findUnusable(facts)
  if (unusable) return unusable
  if (schema === null)
    return `No schema of the search path (${path}) exists or may be used by "${user}": create it, or change the search_path of the role.`
  for (const { name, available, schema: home, onPath } of extensions) {
    if (home !== null && !onPath)
      return `Extension ${name} is in schema "${home}", which is not on the search path (${path}): add it to the search_path of the role.`
    if (home === null && !available)
      return `Extension ${name} is not installed on the server of PostgreSQL: install its contrib package.`
    if (home === null && !facts.mayCreateExtensions)
      return `Extension ${name} is missing and "${user}" may not create it: run "create extension ${name}" as a superuser.`
  }
  return undefined
}

function findMissingRight({ user, schema, mayCreateTables }: DatabaseFacts): string | undefined {
  if (mayCreateTables) return undefined
  return `"${user}" may not create tables in schema "${schema}": make it the owner of the schema, or set POSTGRESQL_USER.`
}

export const DATABASE_FACTS = `select current_setting('server_version') as version,
  current_setting('server_version_num')::integer / 10000 as major,
  pg_encoding_to_char(encoding) as encoding, datname as database, current_user as user, current_setting('search_path') as path,
  current_schema() as schema, coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreateTables",
  has_database_privilege(datname, 'create') as "mayCreateExtensions",
  (select json_agg(json_build_object('name', wanted.name, 'schema', nspname,
      'onPath', coalesce(nspname = any(current_schemas(false)), false),
      'available', exists (select 1 from pg_available_extensions a where a.name = wanted.name)))
    from unnest('{btree_gist,pg_trgm}'::text[]) as wanted (name)
    left join pg_extension on extname = wanted.name left join pg_namespace n on n.oid = extnamespace) as extensions
  from pg_database where datname = current_database()`
