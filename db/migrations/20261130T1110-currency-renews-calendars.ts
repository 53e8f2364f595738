import { type Kysely, sql } from 'kysely'

/** The currency of a clinic decides which visit types can be booked there. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create or replace trigger clinics_calendar_version before update of name, time_zone, currency on clinics
      for each row execute function renew_calendar_version()`.execute(db)
}
