import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // `ip` moves with each refresh; this stays the network (an IPv4 address or an IPv6 /64) in which the session began.
  await sql`alter table sessions add column sign_in_network text`.execute(db)
  await sql`
    update sessions
    set sign_in_network = case
      when ip like '%:%' then host(network(set_masklen(ip::inet, 64)))
      else ip end
    where ip ~ '^[0-9a-f:.]+$'`.execute(db)
}
