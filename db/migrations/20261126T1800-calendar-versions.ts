import { type Kysely, sql } from 'kysely'

/**
 * A doctor's and a clinic's version is another one after each change of what decides when they can be booked, but for what
 * is taken. Random, not counted: one that was rolled back never comes again with other facts.
 */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table doctors add column calendar_version uuid not null default gen_random_uuid()`.execute(db)
  await sql`alter table clinics add column calendar_version uuid not null default gen_random_uuid()`.execute(db)

  await sql`
    create function renew_calendar_version() returns trigger language plpgsql as $$
    begin
      new.calendar_version := gen_random_uuid();
      return new;
    end
    $$`.execute(db)
  await sql`
    create trigger doctors_calendar_version before update of name, specialization, verified_at on doctors
      for each row execute function renew_calendar_version()`.execute(db)
  await sql`
    create trigger clinics_calendar_version before update of name, time_zone on clinics
      for each row execute function renew_calendar_version()`.execute(db)

  await sql`
    create function renew_calendar_of_doctor() returns trigger language plpgsql as $$
    begin
      update doctors set calendar_version = gen_random_uuid() where id in (old.doctor_id, new.doctor_id);
      return null;
    end
    $$`.execute(db)
  for (const table of ['doctor_clinics', 'visit_types', 'schedules', 'availability_exceptions'])
    await sql`
      create trigger ${sql.raw(table)}_calendar_version after insert or update or delete on ${sql.table(table)}
        for each row execute function renew_calendar_of_doctor()`.execute(db)

  await sql`
    create function renew_calendar_of_schedule() returns trigger language plpgsql as $$
    begin
      update doctors set calendar_version = gen_random_uuid()
        from schedules where schedules.id in (old.schedule_id, new.schedule_id) and doctors.id = schedules.doctor_id;
      return null;
    end
    $$`.execute(db)
  await sql`
    create trigger schedule_windows_calendar_version after insert or update or delete on schedule_windows
      for each row execute function renew_calendar_of_schedule()`.execute(db)

  await sql`
    create function renew_calendar_of_clinic() returns trigger language plpgsql as $$
    begin
      update clinics set calendar_version = gen_random_uuid() where id in (old.clinic_id, new.clinic_id);
      return null;
    end
    $$`.execute(db)
  await sql`
    create trigger clinic_closures_calendar_version after insert or update or delete on clinic_closures
      for each row execute function renew_calendar_of_clinic()`.execute(db)
}
