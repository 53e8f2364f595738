import { type Kysely, sql } from 'kysely'

const RENEWED = sql`calendar_version = gen_random_uuid()`

/** For each group of tables, the rows whose version a change renews. */
const RENEWALS = [
  {
    name: 'renew_calendar_of_doctor',
    tables: ['doctor_clinics', 'visit_types', 'schedules', 'availability_exceptions'],
    renew: sql`update doctors set ${RENEWED} where id in (old.doctor_id, new.doctor_id)`,
  },
  {
    name: 'renew_calendar_of_schedule',
    tables: ['schedule_windows'],
    renew: sql`
      update doctors set ${RENEWED}
        from schedules where schedules.id in (old.schedule_id, new.schedule_id) and doctors.id = schedules.doctor_id`,
  },
  {
    name: 'renew_calendar_of_clinic',
    tables: ['clinic_closures'],
    renew: sql`update clinics set ${RENEWED} where id in (old.clinic_id, new.clinic_id)`,
  },
]

/**
 * Calendar versions: cache keys that change with hours, visit types, exceptions and closures, not with bookings. Random,
 * not counted: after a rollback a counter would give the same version to other facts.
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

  for (const { name, tables, renew } of RENEWALS) {
    await sql`
      create function ${sql.id(name)}() returns trigger language plpgsql as $$
      begin
        ${renew};
        return null;
      end
      $$`.execute(db)
    for (const table of tables)
      await sql`
        create trigger ${sql.id(`${table}_calendar_version`)} after insert or update or delete on ${sql.table(table)}
          for each row execute function ${sql.id(name)}()`.execute(db)
  }
}
