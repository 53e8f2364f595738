import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table appointments
      add column access_basis text not null default 'relationship'
        constraint appointments_access_basis_known check (access_basis in ('relationship', 'emergency')),
      add column original_ends_at timestamptz(3)`.execute(db)
  await sql`
    update appointments set access_basis = 'emergency'
      where created_by_role = 'doctor' and exists (
        select 1 from emergency_access
          where emergency_access.doctor_id = appointments.doctor_id
            and emergency_access.patient_id = appointments.patient_id
            and emergency_access.created_at <= appointments.created_at
            and emergency_access.expires_at > appointments.created_at
      )`.execute(db)
  await sql`update appointments set original_ends_at = ends_at`.execute(db)
  await sql`
    alter table appointments
      alter column access_basis drop default,
      alter column original_ends_at set not null`.execute(db)
  // Copies of an older version insert without these columns. They do not know the relationship rule, so that every booking
  // which a doctor makes through them during an emergency counts as made on it.
  await sql`
    create function decide_relationship_evidence() returns trigger language plpgsql as $$
      begin
        new.original_ends_at := coalesce(new.original_ends_at, new.ends_at);
        if new.access_basis is null then
          new.access_basis := case when new.created_by_role = 'doctor' and exists (
            select 1 from emergency_access
              where emergency_access.doctor_id = new.doctor_id
                and emergency_access.patient_id = new.patient_id
                and emergency_access.created_at <= new.created_at
                and emergency_access.expires_at > new.created_at
          ) then 'emergency' else 'relationship' end;
        end if;
        return new;
      end
    $$`.execute(db)
  await sql`
    create trigger appointments_relationship_evidence before insert on appointments
      for each row when (new.access_basis is null or new.original_ends_at is null)
      execute function decide_relationship_evidence()`.execute(db)
}
