import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table payments
      add column provider_ref text,
      add column provider_status text constraint payments_provider_status_known check (
        provider_status in ('pending', 'requires_action', 'processing', 'succeeded', 'failed', 'cancelled')
      ),
      add column provider_status_at timestamptz(3),
      add column failure_code text,
      add column charged_amount integer not null default 0,
      add column refunded_amount integer not null default 0,
      add column resolution text constraint payments_resolution_known check (
        resolution in ('confirmed', 'rebooked', 'refunded_slot_lost', 'refunded_cancelled', 'refunded_duplicate')
      ),
      add column superseded boolean not null default false,
      add column release_requested_at timestamptz(3),
      add constraint payments_charged_within_amount check (charged_amount between 0 and amount),
      add constraint payments_refunded_within_charged check (refunded_amount between 0 and charged_amount)`.execute(db)
  await sql`create unique index payments_provider_ref on payments (provider, provider_ref)`.execute(db)
  // Payments to release that the provider has not ended yet.
  await sql`
    create index payments_releasing on payments (release_requested_at)
      where release_requested_at is not null and charged_amount = 0`.execute(db)
  await sql`
    create index payments_open on payments (created_at)
      where release_requested_at is null and charged_amount = 0 and provider <> 'desk'
        and provider_status is distinct from 'cancelled'`.execute(db)
  // A superseded payment, paid or refunded after another had replaced it, does not block that one.
  await sql`drop index payments_one_active`.execute(db)
  await sql`
    create unique index payments_one_active on payments (appointment_id)
      where status in ('pending', 'requires_action', 'processing', 'succeeded', 'partially_refunded') and not superseded`.execute(
    db,
  )
  await sql`alter table appointments add column requires_prepayment boolean not null default false`.execute(db)

  await sql`
    create table payment_entries (
      id uuid primary key,
      payment_id uuid not null references payments (id),
      kind text not null constraint payment_entries_kind_known check (kind in ('charge', 'refund')),
      amount integer not null constraint payment_entries_amount_positive check (amount > 0),
      currency text not null,
      status text not null constraint payment_entries_status_known check (
        status in ('pending', 'succeeded', 'failed') and (status = 'succeeded' or kind = 'refund')
      ),
      provider text not null,
      provider_ref text,
      reason text constraint payment_entries_reason_known check (
        reason is null or kind = 'refund' and reason in ('cancelled_by_patient', 'cancelled_by_clinic', 'hold_ended', 'other')
      ),
      note text,
      failure_code text,
      created_by uuid references users (id),
      created_at timestamptz(3) not null default now(),
      settled_at timestamptz(3)
    )`.execute(db)
  await sql`create index payment_entries_payment on payment_entries (payment_id, created_at, id)`.execute(db)
  await sql`create unique index payment_entries_one_charge on payment_entries (payment_id) where kind = 'charge'`.execute(
    db,
  )
  await sql`create unique index payment_entries_provider_ref on payment_entries (provider, kind, provider_ref)`.execute(
    db,
  )
  await sql`create index payment_entries_waiting on payment_entries (created_at) where status = 'pending'`.execute(db)
  // Charges of the payments that were made before the ledger existed.
  await sql`
    insert into payment_entries (id, payment_id, kind, amount, currency, status, provider, created_by, created_at, settled_at)
    select gen_random_uuid(), id, 'charge', amount, currency, 'succeeded', provider, created_by,
      coalesce(paid_at, created_at), coalesce(paid_at, created_at)
    from payments where status = 'succeeded'`.execute(db)
  await sql`update payments set charged_amount = amount where status = 'succeeded'`.execute(db)

  await sql`
    create table payment_events (
      id uuid primary key,
      provider text not null,
      event_id text not null,
      name text not null,
      type text not null constraint payment_events_type_known check (type in ('payment', 'refund', 'unknown')),
      occurred_at timestamptz(3) not null,
      received_at timestamptz(3) not null,
      payment_ref text,
      snapshot jsonb,
      outcome text constraint payment_events_outcome_known check (outcome in ('applied', 'ignored', 'unmatched')),
      processed_at timestamptz(3),
      constraint payment_events_once unique (provider, event_id)
    )`.execute(db)
  await sql`create index payment_events_waiting on payment_events (received_at) where processed_at is null`.execute(db)
  await sql`create index payment_events_unmatched on payment_events (provider, payment_ref) where outcome = 'unmatched'`.execute(
    db,
  )
}
