import { type Kysely, sql } from 'kysely'

/** Columns of names; a row with a version gets a new one, since its ETag stands for its texts. */
const NAMES = [
  { table: 'users', column: 'name', versioned: false },
  { table: 'patients', column: 'name', versioned: true },
  { table: 'doctors', column: 'name', versioned: true },
  { table: 'doctors', column: 'specialization', versioned: true },
  { table: 'clinics', column: 'name', versioned: true },
  { table: 'visit_types', column: 'name', versioned: true },
  { table: 'waitlist_entries', column: 'specialization', versioned: false },
]

/**
 * Names in NFC: "é" as one character, as the API writes them now. A room whose name another room of its clinic has by then
 * gets a number, since two rooms in use cannot share a name.
 */
export async function up(db: Kysely<never>): Promise<void> {
  for (const { table, column, versioned } of NAMES)
    await sql`
      update ${sql.table(table)}
      set ${sql.ref(column)} = normalize(${sql.ref(column)}, NFC) ${versioned ? sql`, version = version + 1` : sql``}
      where ${sql.ref(column)} is not NFC normalized`.execute(db)

  await sql`
    do $$
    declare
      room record;
      composed text;
      wanted text;
      number integer;
    begin
      for room in select id, clinic_id, name, retired_at from rooms where name is not NFC normalized order by id loop
        composed := normalize(room.name, NFC);
        wanted := composed;
        number := 1;
        while room.retired_at is null and exists (
          select from rooms
          where clinic_id = room.clinic_id and retired_at is null and id <> room.id and lower(name) = lower(wanted)
        ) loop
          number := number + 1;
          wanted := left(composed, 95) || ' (' || number || ')';
        end loop;
        update rooms set name = wanted where id = room.id;
        if number > 1 then
          raise warning 'room % has the same name as another room of its clinic: (%) was added to it', room.id, number;
        end if;
      end loop;
    end
    $$`.execute(db)
}
