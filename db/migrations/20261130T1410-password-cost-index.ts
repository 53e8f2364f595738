import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // For the highest cost of all bcrypt hashes, the two digits after '$2b$': each sign-in asks for it.
  await sql`
    create index users_password_cost on users (substr(password_hash, 5, 2))
    where password_hash like '$2_$%'`.execute(db)
}
