import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table appointments (
      id uuid primary key,
      patient_id uuid not null references patients (id),
      doctor_id uuid not null references doctors (id),
      clinic_id uuid not null references clinics (id),
      visit_type_id uuid not null references visit_types (id),
      starts_at timestamptz(3) not null,
      ends_at timestamptz(3) not null,
      date date not null,
      status text not null constraint appointments_status_known check (
        status in ('held', 'booked', 'checked_in', 'completed', 'no_show', 'cancelled', 'expired')
      ),
      hold_expires_at timestamptz(3),
      reason text,
      created_by uuid not null references users (id),
      created_by_role text not null,
      cancelled_at timestamptz(3),
      cancelled_by uuid references users (id),
      cancellation_reason text,
      time_zone text not null,
      mode text not null,
      price_amount integer not null,
      price_currency text not null,
      cancellation_free_until_minutes integer not null,
      cancellation_late_refund_percent integer not null,
      buffer_before_minutes integer not null,
      buffer_after_minutes integer not null,
      calendar_sequence integer not null default 0,
      version integer not null default 1,
      created_at timestamptz(3) not null default now(),
      constraint appointments_times_ordered check (starts_at < ends_at),
      constraint appointments_hold_has_end check ((status = 'held') = (hold_expires_at is not null) or status = 'expired')
    )`.execute(db)
  await sql`create index appointments_date_doctor on appointments (date, doctor_id)`.execute(db)
  await sql`create index appointments_patient on appointments (patient_id, starts_at, id)`.execute(db)
  await sql`create index appointments_doctor on appointments (doctor_id, starts_at, id)`.execute(db)
  await sql`create index appointments_clinic on appointments (clinic_id, starts_at, id)`.execute(db)
  await sql`create index appointments_start on appointments (starts_at, id)`.execute(db)
  await sql`create index appointments_lapsing on appointments (hold_expires_at) where status = 'held'`.execute(db)
  await sql`
    create table occupancy (
      appointment_id uuid not null references appointments (id),
      kind text not null constraint occupancy_kind_known check (kind in ('doctor', 'patient', 'room')),
      resource_id uuid not null,
      during tstzrange not null constraint occupancy_during_bounded check (
        not isempty(during) and not lower_inf(during) and not upper_inf(during) and isfinite(lower(during)) and isfinite(upper(during))
      ),
      expires_at timestamptz(3),
      primary key (appointment_id, kind),
      constraint occupancy_no_overlap exclude using gist (resource_id with =, during with &&)
    )`.execute(db)
}
