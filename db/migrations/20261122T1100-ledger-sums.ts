import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // A trigger keeps the sums of a payment equal to its entries for every writer; the payment's constraints then refuse
  // refunds above the charge.
  await sql`
    create function sum_payment_entries() returns trigger language plpgsql as $$
    begin
      update payments set (charged_amount, refunded_amount) = (
        select coalesce(sum(amount) filter (where kind = 'charge'), 0), coalesce(sum(amount) filter (where kind = 'refund'), 0)
        from payment_entries
        where payment_id = coalesce(new.payment_id, old.payment_id) and status <> 'failed'
      )
      where id = coalesce(new.payment_id, old.payment_id);
      return null;
    end
    $$`.execute(db)
  await sql`
    create trigger payment_entries_sums
      after insert or delete or update of amount, kind, status, payment_id on payment_entries
      for each row execute function sum_payment_entries()`.execute(db)
}
