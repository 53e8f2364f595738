import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table waitlist_entries (
      id uuid primary key,
      patient_id uuid not null references patients (id),
      doctor_id uuid references doctors (id),
      specialization text,
      clinic_id uuid references clinics (id),
      starts_on date not null,
      ends_on date not null,
      status text not null default 'waiting' constraint waitlist_entries_status_known check (
        status in ('waiting', 'offered', 'accepted', 'declined', 'lapsed', 'withdrawn')
      ),
      offer_id uuid constraint waitlist_entries_one_offer unique references appointments (id),
      created_by uuid not null references users (id),
      created_by_role text not null,
      created_at timestamptz(3) not null default now(),
      constraint waitlist_entries_days_ordered check (starts_on <= ends_on),
      constraint waitlist_entries_one_wish check ((doctor_id is null) <> (specialization is null)),
      constraint waitlist_entries_offer_known check (
        case status when 'waiting' then offer_id is null when 'withdrawn' then true else offer_id is not null end
      )
    )`.execute(db)
  await sql`
    create index waitlist_entries_of_doctor on waitlist_entries (doctor_id, created_at, id)
      where status = 'waiting' and doctor_id is not null`.execute(db)
  await sql`
    create index waitlist_entries_of_specialization on waitlist_entries (lower(specialization), created_at, id)
      where status = 'waiting' and doctor_id is null`.execute(db)
  await sql`create index waitlist_entries_patient on waitlist_entries (patient_id, created_at desc, id desc)`.execute(
    db,
  )
  await sql`create index waitlist_entries_newest on waitlist_entries (created_at desc, id desc)`.execute(db)
}
