import { type Kysely, sql } from 'kysely'

/** Events relayed before this migration stay outside the chain: it starts after the present head. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table audit_outbox add column purpose text`.execute(db)
  await sql`
    alter table audit_head
      add column hash text not null default repeat('0', 64),
      add column start_seq bigint not null default 0,
      add column start_hash text not null default repeat('0', 64)`.execute(db)
  await sql`update audit_head set start_seq = seq`.execute(db)
  await sql`
    alter table audit_head
      add constraint audit_head_hash_is_sha256 check (hash ~ '^[0-9a-f]{64}$' and start_hash ~ '^[0-9a-f]{64}$'),
      add constraint audit_head_not_before_start check (start_seq <= seq)`.execute(db)
  await sql`
    create table audit_checkpoints (
      seq bigint primary key,
      hash text not null constraint audit_checkpoints_hash_is_sha256 check (hash ~ '^[0-9a-f]{64}$'),
      created_at timestamptz(3) not null,
      signature text not null
    )`.execute(db)
  await sql`
    create function refuse_to_change_audit_checkpoints() returns trigger language plpgsql as $$
      begin
        raise exception 'checkpoints of the audit trail are never changed' using errcode = 'restrict_violation';
      end
    $$`.execute(db)
  await sql`
    create trigger audit_checkpoints_kept before update or delete or truncate on audit_checkpoints
      for each statement execute function refuse_to_change_audit_checkpoints()`.execute(db)
}
