import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table idempotency_keys (
      id bytea primary key,
      user_id uuid not null references users (id),
      fingerprint bytea not null,
      document_id uuid,
      status smallint,
      body text,
      headers jsonb,
      created_at timestamptz(3) not null default now()
    )`.execute(db)
  await sql`create index idempotency_keys_age on idempotency_keys (created_at)`.execute(db)
  await sql`
    create table audit_outbox (
      id uuid primary key,
      occurred_at timestamptz(3) not null,
      kind text not null,
      action text not null constraint audit_outbox_action_known check (action in ('C', 'R', 'U', 'D', 'E')),
      outcome text not null constraint audit_outbox_outcome_known check (outcome in ('pending', 'success', 'denied', 'error')),
      actor_id uuid,
      actor_role text,
      patient_ids uuid[] not null default '{}',
      target_id uuid,
      request_id text not null,
      ip text,
      detail jsonb
    )`.execute(db)
  await sql`create index audit_outbox_finished on audit_outbox (id) where outcome <> 'pending'`.execute(db)
  await sql`create index audit_outbox_pending on audit_outbox (occurred_at) where outcome = 'pending'`.execute(db)
  await sql`
    create table audit_head (
      id integer primary key default 1 constraint audit_head_one_row check (id = 1),
      seq bigint not null
    )`.execute(db)
  await sql`insert into audit_head (seq) values (0)`.execute(db)
}
