import { type Kysely, sql } from 'kysely'

const PADDED = (words: string) => sql.raw(`' ' || ${words} || ' '`)
const EMAIL = `translate(lower(coalesce(email, '')), '''', '')`

/** `words` is what a search looks at; a row that the API has not folded yet is folded by PostgreSQL, as well as its locale can. */
const PEOPLE = [
  {
    table: 'patients',
    source: ['name'],
    words: `coalesce(folded, folded_text(name)) || ' ' || ${EMAIL} || ' ' || coalesce(phone, '')`,
    phone: true,
  },
  {
    table: 'users',
    source: ['name'],
    words: `coalesce(folded, folded_text(name)) || ' ' || ${EMAIL} || ' ' || coalesce(phone, '')`,
    phone: true,
  },
  {
    table: 'doctors',
    source: ['name', 'specialization'],
    words: `coalesce(folded, folded_text(name || ' ' || specialization))`,
    phone: false,
  },
]

/**
 * Columns to find people by: `folded` (names without accents and case, written by the API), `search_text` and `phone_digits`
 * (made by PostgreSQL, whichever release writes the row). Telephone numbers are compared without what depends on where one
 * calls from: "(0)" and leading zeros.
 */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    create function folded_text(words text) returns text language sql immutable parallel safe
      return lower(regexp_replace(normalize(words, NFKD), '[\\u0300-\\u036f''’‘ʼʻ\`´＇]', '', 'g'))`.execute(db)

  for (const { table, source, words, phone } of PEOPLE) {
    const name = sql.table(table)
    await sql`alter table ${name} add column folded text`.execute(db)
    await sql`
      alter table ${name} add column search_text text not null generated always as (${PADDED(words)}) stored
        ${
          phone
            ? sql`, add column phone_digits text generated always as (
                ltrim(regexp_replace(replace(phone, '(0)', ''), '[^0-9]', '', 'g'), '0')
              ) stored`
            : sql``
        }`.execute(db)
    await sql`create index ${sql.id(`${table}_words`)} on ${name} using gin (search_text gin_trgm_ops)`.execute(db)
    await sql`create index ${sql.id(`${table}_unfolded`)} on ${name} (id) where folded is null`.execute(db)
    if (phone)
      await sql`create index ${sql.id(`${table}_phone`)} on ${name} (reverse(phone_digits) collate "C")`.execute(db)

    // An older release changes a name without its folded form: that form is then forgotten, and a task makes it anew.
    const forget = sql.id(`forget_fold_of_${table}`)
    const folded = sql.join(
      source.map((column) => sql.raw(`new.${column}`)),
      sql` || ' ' || `,
    )
    await sql`
      create function ${forget}() returns trigger language plpgsql as $$
      begin
        if new.folded is not distinct from old.folded and new.folded is distinct from folded_text(${folded}) then
          new.folded := null;
        end if;
        return new;
      end
      $$`.execute(db)
    await sql`
      create trigger ${sql.id(`${table}_forget_fold`)} before update of ${sql.raw(source.join(', '))} on ${name}
        for each row execute function ${forget}()`.execute(db)
  }
}
