import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table rooms (
      id uuid primary key,
      clinic_id uuid not null references clinics (id),
      name text not null,
      retired_at timestamptz(3),
      created_at timestamptz(3) not null default now(),
      constraint rooms_of_clinic unique (clinic_id, id)
    )`.execute(db)
  await sql`create unique index rooms_name_key on rooms (clinic_id, lower(name)) where retired_at is null`.execute(db)
  // The key is the pair, so that no visit can get a room of another clinic.
  await sql`
    alter table appointments
      add column room_id uuid,
      add constraint appointments_room_of_clinic foreign key (clinic_id, room_id) references rooms (clinic_id, id)`.execute(
    db,
  )
}
