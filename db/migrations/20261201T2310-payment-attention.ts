import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table payment_entries add column attention_cleared_at timestamptz(3)`.execute(db)
  // Few rows each.
  await sql`
    create index payment_entries_refused on payment_entries (payment_id)
      where kind = 'refund' and status = 'failed' and attention_cleared_at is null`.execute(db)
  await sql`
    create index payment_entries_stuck on payment_entries (payment_id)
      where status = 'pending' and attempts >= 3`.execute(db)
  await sql`
    create index payments_stuck on payments (id)
      where release_attempts >= 3 and charged_amount = 0 and provider_status is distinct from 'cancelled'`.execute(db)
  // A view, so that the list, the payment and the metric cannot disagree. The content of an event that could not be applied
  // may be anything.
  await sql`
    create view payments_needing_attention as
      select payment_id, 'refund_refused' as reason
      from payment_entries refused
      where kind = 'refund' and status = 'failed' and attention_cleared_at is null
        and exists (
          select from payments where payments.id = refused.payment_id and refunded_amount < charged_amount)
        and refused.amount > (
          select coalesce(sum(later.amount), 0)
          from payment_entries later
          where later.payment_id = refused.payment_id and later.kind = 'refund' and later.status <> 'failed'
            and (later.created_at, later.id) > (refused.created_at, refused.id))
    union all
      select payment_id, 'refund_not_sent'
      from payment_entries
      where status = 'pending' and attempts >= 3
    union all
      select id, 'release_not_sent'
      from payments
      where release_attempts >= 3 and charged_amount = 0 and provider_status is distinct from 'cancelled'
    union all
      select payments.id, 'event_not_applied'
      from payment_events
      join payments on payments.provider = payment_events.provider
        and payments.provider_ref = payment_events.payment_ref
      where needs_attention
    union all
      select payments.id, 'event_not_applied'
      from payment_events
      join payments on payments.provider = payment_events.provider and payments.id = case
        when snapshot ->> 'paymentId' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (snapshot ->> 'paymentId')::uuid
      end
      where needs_attention`.execute(db)
}
