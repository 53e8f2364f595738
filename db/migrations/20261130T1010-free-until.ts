import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table appointments add column free_until timestamptz(3)`.execute(db)
  await sql`update appointments set free_until = starts_at - make_interval(mins => cancellation_free_until_minutes)`.execute(
    db,
  )
  await sql`alter table appointments alter column free_until set not null`.execute(db)
  // Copies of an older version insert without this column.
  await sql`
    create function decide_free_until() returns trigger language plpgsql as $$
      begin
        new.free_until := new.starts_at - make_interval(mins => new.cancellation_free_until_minutes);
        return new;
      end
    $$`.execute(db)
  await sql`
    create trigger appointments_free_until before insert on appointments
      for each row when (new.free_until is null) execute function decide_free_until()`.execute(db)
}
