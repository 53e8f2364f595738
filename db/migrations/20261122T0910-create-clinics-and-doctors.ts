import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table clinics (
      id uuid primary key,
      name text not null,
      time_zone text not null,
      currency text not null constraint clinics_currency_form check (currency ~ '^[A-Z]{3}$'),
      address text,
      phone text,
      version integer not null default 1,
      created_at timestamptz(3) not null default now()
    )`.execute(db)
  await sql`
    create table clinic_closures (
      id uuid primary key,
      clinic_id uuid not null references clinics (id),
      starts_on date not null,
      ends_on date not null,
      reason text,
      constraint clinic_closures_days_ordered check (starts_on <= ends_on)
    )`.execute(db)
  await sql`create index clinic_closures_clinic on clinic_closures (clinic_id, ends_on)`.execute(db)
  await sql`
    create table doctors (
      id uuid primary key,
      user_id uuid constraint doctors_user_key unique references users (id),
      name text not null,
      specialization text not null,
      license_number text not null,
      bio text,
      verified_at timestamptz(3),
      version integer not null default 1,
      created_at timestamptz(3) not null default now()
    )`.execute(db)
  await sql`create index doctors_specialization on doctors (lower(specialization), name, id)`.execute(db)
  await sql`create index doctors_name on doctors (name, id)`.execute(db)
  await sql`
    create table doctor_clinics (
      doctor_id uuid not null references doctors (id),
      clinic_id uuid not null references clinics (id),
      primary key (doctor_id, clinic_id)
    )`.execute(db)
  await sql`create index doctor_clinics_clinic on doctor_clinics (clinic_id, doctor_id)`.execute(db)
  await sql`
    create table visit_types (
      id uuid primary key,
      doctor_id uuid not null references doctors (id),
      name text not null,
      duration_minutes integer not null constraint visit_types_duration check (duration_minutes between 5 and 1440),
      slot_interval_minutes integer not null constraint visit_types_interval check (slot_interval_minutes between 5 and 1440),
      buffer_before_minutes integer not null default 0 constraint visit_types_before check (buffer_before_minutes between 0 and 1440),
      buffer_after_minutes integer not null default 0 constraint visit_types_after check (buffer_after_minutes between 0 and 1440),
      mode text not null default 'in_person' constraint visit_types_mode_known check (mode in ('in_person', 'telehealth')),
      price_amount integer not null constraint visit_types_price check (price_amount >= 0),
      price_currency text not null constraint visit_types_currency_form check (price_currency ~ '^[A-Z]{3}$'),
      minimum_notice_minutes integer not null default 0 constraint visit_types_notice check (minimum_notice_minutes >= 0),
      horizon_days integer not null default 90 constraint visit_types_horizon check (horizon_days between 1 and 730),
      cancellation_free_until_minutes integer not null default 1440,
      cancellation_late_refund_percent integer not null default 0
        constraint visit_types_refund check (cancellation_late_refund_percent between 0 and 100),
      requires_room boolean not null default false,
      requires_prepayment boolean not null default false,
      active boolean not null default true,
      version integer not null default 1,
      created_at timestamptz(3) not null default now()
    )`.execute(db)
  await sql`create index visit_types_doctor on visit_types (doctor_id, id)`.execute(db)
  await sql`
    create table schedules (
      id uuid primary key,
      doctor_id uuid not null references doctors (id),
      clinic_id uuid not null references clinics (id),
      valid_from date,
      valid_until date,
      version integer not null default 1,
      constraint schedules_days check (
        (valid_from is null and valid_until is null) or (valid_from is not null and valid_until is not null and valid_from <= valid_until)
      ),
      constraint schedules_dated_no_overlap exclude using gist (
        doctor_id with =, clinic_id with =, daterange(valid_from, valid_until, '[]') with &&
      ) where (valid_from is not null)
    )`.execute(db)
  await sql`create unique index schedules_one_standing on schedules (doctor_id, clinic_id) where valid_from is null`.execute(
    db,
  )
  await sql`
    create table schedule_windows (
      schedule_id uuid not null references schedules (id) on delete cascade,
      weekday smallint not null constraint schedule_windows_weekday check (weekday between 1 and 7),
      start_time time not null,
      end_time time not null,
      primary key (schedule_id, weekday, start_time),
      constraint schedule_windows_ordered check (start_time < end_time)
    )`.execute(db)
  await sql`
    create table availability_exceptions (
      id uuid primary key,
      doctor_id uuid not null references doctors (id),
      clinic_id uuid not null references clinics (id),
      starts_at timestamptz(3) not null,
      ends_at timestamptz(3) not null,
      kind text not null constraint availability_exceptions_kind_known check (kind in ('off', 'extra')),
      note text,
      created_at timestamptz(3) not null default now(),
      constraint availability_exceptions_ordered check (starts_at < ends_at)
    )`.execute(db)
  await sql`create index availability_exceptions_doctor on availability_exceptions (doctor_id, ends_at)`.execute(db)
}
