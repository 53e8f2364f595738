import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table payment_reconciliations (
      provider text not null,
      day date not null,
      started_at timestamptz(3) not null,
      finished_at timestamptz(3),
      compared integer,
      repaired integer,
      remaining integer,
      primary key (provider, day)
    )`.execute(db)
  // Reconciliation reads the entries of one day.
  await sql`create index payment_entries_made on payment_entries (created_at)`.execute(db)
}
