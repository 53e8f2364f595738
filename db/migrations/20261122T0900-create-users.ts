import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`create extension if not exists btree_gist`.execute(db)
  await sql`create extension if not exists pg_trgm`.execute(db)
  await sql`
    create table users (
      id uuid primary key,
      email text not null,
      password_hash text not null,
      pepper_version integer not null default 1,
      role text not null constraint users_role_known check (role in ('patient', 'doctor', 'admin')),
      name text not null,
      phone text,
      status text not null default 'active' constraint users_status_known check (status in ('active', 'disabled')),
      created_at timestamptz(3) not null default now()
    )`.execute(db)
  await sql`create unique index users_email_key on users (lower(email))`.execute(db)
  await sql`create index users_role_status on users (role, status, created_at desc, id desc)`.execute(db)
  await sql`
    create table sessions (
      id uuid primary key,
      user_id uuid not null references users (id),
      generation integer not null default 0,
      rotated_at timestamptz(3) not null,
      created_at timestamptz(3) not null default now(),
      last_used_at timestamptz(3) not null,
      expires_at timestamptz(3) not null,
      idle_expires_at timestamptz(3) not null,
      revoked_at timestamptz(3),
      ip text,
      user_agent text
    )`.execute(db)
  await sql`create index sessions_user on sessions (user_id, created_at desc)`.execute(db)
  await sql`create index sessions_revoked on sessions (revoked_at) where revoked_at is not null`.execute(db)
}
