import { type Kysely, sql } from 'kysely'

/** A version of its own: schedules can be deleted, and a sum of their versions would then fall. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table doctors add column availability_version integer not null default 1`.execute(db)
  await sql`
    update doctors set availability_version = summed.version + 1
      from (select doctor_id, sum(version)::integer as version from schedules group by doctor_id) as summed
      where summed.doctor_id = doctors.id`.execute(db)
}
