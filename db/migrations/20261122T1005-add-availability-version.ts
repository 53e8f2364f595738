import { type Kysely, sql } from 'kysely'

/** Schedules and exceptions can be taken away again: the sum of their own versions would then go back. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table doctors add column availability_version integer not null default 1`.execute(db)
  await sql`
    update doctors set availability_version = summed.version + 1
      from (select doctor_id, sum(version)::integer as version from schedules group by doctor_id) as summed
      where summed.doctor_id = doctors.id`.execute(db)
}
