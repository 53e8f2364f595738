import { type Kysely, sql } from 'kysely'

/**
 * `doctors.disabled` repeats `users.status` of the doctor's account: every statement that lists or books doctors reads it,
 * without a join. Only triggers write it, so that it is right whichever copy of the API changes an account.
 */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table doctors add column disabled boolean not null default false`.execute(db)
  await sql`
    update doctors set disabled = true
      from users where users.id = doctors.user_id and users.status = 'disabled'`.execute(db)
  await sql`
    create function set_doctor_disabled() returns trigger language plpgsql as $$
    begin
      new.disabled := exists (select from users where id = new.user_id and status = 'disabled');
      return new;
    end
    $$`.execute(db)
  await sql`
    create trigger doctors_disabled before insert or update of user_id on doctors
      for each row execute function set_doctor_disabled()`.execute(db)
  await sql`
    create function disable_doctor_of_user() returns trigger language plpgsql as $$
    begin
      update doctors set disabled = (new.status = 'disabled'), calendar_version = gen_random_uuid()
        where user_id = new.id;
      return null;
    end
    $$`.execute(db)
  await sql`
    create trigger users_disable_doctor after update of status on users
      for each row when (old.status is distinct from new.status) execute function disable_doctor_of_user()`.execute(db)
}
