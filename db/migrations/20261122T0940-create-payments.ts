import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table payments (
      id uuid primary key,
      appointment_id uuid not null references appointments (id),
      amount integer not null constraint payments_amount_positive check (amount > 0),
      currency text not null constraint payments_currency_form check (currency ~ '^[A-Z]{3}$'),
      method text not null constraint payments_method_known check (method in ('card', 'cash', 'insurance')),
      provider text not null,
      status text not null constraint payments_status_known check (
        status in ('pending', 'requires_action', 'processing', 'succeeded', 'partially_refunded', 'refunded', 'failed', 'cancelled')
      ),
      created_by uuid not null references users (id),
      paid_at timestamptz(3),
      created_at timestamptz(3) not null default now()
    )`.execute(db)
  await sql`
    create unique index payments_one_active on payments (appointment_id)
      where status in ('pending', 'requires_action', 'processing', 'succeeded', 'partially_refunded')`.execute(db)
  await sql`create index payments_appointment on payments (appointment_id, created_at desc, id desc)`.execute(db)
  await sql`create index payments_newest on payments (created_at desc, id desc)`.execute(db)
}
