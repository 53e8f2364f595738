import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // Undo of a status: its reason is kept here, since the audit trail holds no free text.
  await sql`
    alter table appointments
      add column undone_at timestamptz(3),
      add column undone_by uuid references users (id),
      add column undo_reason text,
      add constraint appointments_undone_by_somebody check ((undone_at is null) = (undone_by is null))`.execute(db)
  await sql`create index appointments_held_patient on appointments (patient_id) where status = 'held'`.execute(db)
  // A small index: a hold is confirmed or expired within minutes.
  await sql`create index occupancy_lapsing on occupancy (expires_at) where expires_at is not null`.execute(db)
}
