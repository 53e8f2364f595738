import { PostgresAdapter, PostgresDialect, sql } from 'kysely'
import { scopedName } from '../src/database/schema-scope'

/** Kysely's own lock is one for the whole database; in `public` it stays, since earlier releases take it there. */
class SchemaAdapter extends PostgresAdapter {
  constructor(private readonly schema: () => string) {
    super()
  }

  override async acquireMigrationLock(...[db, options]: Parameters<PostgresAdapter['acquireMigrationLock']>) {
    if (this.schema() === 'public') return super.acquireMigrationLock(db, options)
    await this.call('pg_advisory_lock', db)
  }

  override async releaseMigrationLock(...[db, options]: Parameters<PostgresAdapter['releaseMigrationLock']>) {
    if (this.schema() === 'public') return super.releaseMigrationLock(db, options)
    await this.call('pg_advisory_unlock', db)
  }

  private async call(name: string, db: Parameters<PostgresAdapter['acquireMigrationLock']>[0]): Promise<void> {
    const lock = scopedName(this.schema(), 'migrations')
    await sql`select ${sql.raw(name)}(hashtext('migrations'), hashtext(${lock}))`.execute(db)
  }
}

/** PostgreSQL with a migration lock of its own for each schema, so that organisations do not wait for each other. */
export class SchemaDialect extends PostgresDialect {
  constructor(
    config: ConstructorParameters<typeof PostgresDialect>[0],
    private readonly schema: () => string,
  ) {
    super(config)
  }

  override createAdapter(): SchemaAdapter {
    return new SchemaAdapter(this.schema)
  }
}
