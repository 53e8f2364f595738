import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create table emergency_access (
      id uuid primary key,
      doctor_id uuid not null references doctors (id),
      patient_id uuid not null references patients (id),
      reason text not null,
      created_at timestamptz(3) not null,
      expires_at timestamptz(3) not null,
      reviewed_at timestamptz(3),
      reviewed_by uuid references users (id),
      constraint emergency_access_times_ordered check (created_at < expires_at),
      constraint emergency_access_reviewed_by_somebody check ((reviewed_at is null) = (reviewed_by is null))
    )`.execute(db)
  await sql`create index emergency_access_doctor on emergency_access (doctor_id, expires_at)`.execute(db)
  await sql`create index emergency_access_patient on emergency_access (patient_id, created_at)`.execute(db)
  // A trigger, since several places write events and none may forget the purpose.
  await sql`
    create function mark_emergency_access() returns trigger language plpgsql as $$
      begin
        if exists (
          select 1 from emergency_access
            join doctors on doctors.id = emergency_access.doctor_id
            where doctors.user_id = new.actor_id
              and emergency_access.patient_id = any(new.patient_ids)
              and emergency_access.created_at <= new.occurred_at
              and emergency_access.expires_at > new.occurred_at
        ) then
          new.purpose := 'emergency';
        end if;
        return new;
      end
    $$`.execute(db)
  await sql`
    create trigger audit_outbox_emergency before insert on audit_outbox
      for each row when (new.purpose = 'treatment') execute function mark_emergency_access()`.execute(db)
  await sql`alter table patients add column erased_at timestamptz(3), add column records_deleted_at timestamptz(3)`.execute(
    db,
  )
  await sql`create index patients_erased on patients (id) where erased_at is not null and records_deleted_at is null`.execute(
    db,
  )
  // Erasure looks guardians up by patient; the primary key begins with the guardian.
  await sql`create index patient_guardians_patient on patient_guardians (patient_id)`.execute(db)
}
