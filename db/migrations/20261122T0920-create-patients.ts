import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table patients (
      id uuid primary key,
      user_id uuid constraint patients_user_key unique references users (id),
      name text not null,
      email text,
      phone text,
      date_of_birth date not null,
      gender text not null default 'unknown' constraint patients_gender_known check (gender in ('female', 'male', 'other', 'unknown')),
      address text,
      version integer not null default 1,
      created_at timestamptz(3) not null default now()
    )`.execute(db)
  await sql`create index patients_newest on patients (created_at desc, id desc)`.execute(db)
  await sql`create index patients_search on patients using gin ((name || ' ' || coalesce(email, '') || ' ' || coalesce(phone, '')) gin_trgm_ops)`.execute(
    db,
  )
  await sql`
    create table patient_guardians (
      user_id uuid not null references users (id),
      patient_id uuid not null references patients (id),
      primary key (user_id, patient_id)
    )`.execute(db)
}
