import type { Compilable, CompiledQuery, Kysely } from 'kysely'
import type { Database } from './schema'

/** Holds a value's place while its statement is compiled. */
class Place {
  constructor(readonly name: string) {}
}

/**
 * A statement that is compiled once and then run with other values: Kysely takes longer to compile a large one than
 * PostgreSQL to run it. `build` sees placeholders only: it must name each value and hand it on as it is, not spread,
 * compare or change it.
 */
export function prepared<V extends Record<string, unknown>, O>(
  build: (db: Kysely<Database>, values: V) => Compilable<O>,
): (db: Kysely<Database>, values: V) => Promise<O[]> {
  let compiled: CompiledQuery<O> | undefined
  return async (db, values) => {
    compiled ??= build(db, placeholders<V>()).compile()
    const parameters = compiled.parameters.map((value) => (value instanceof Place ? values[value.name] : value))
    const { rows } = await db.executeQuery<O>({ ...compiled, parameters })
    return rows
  }
}

/** Every member is a placeholder of its own name. To the builder they are values like any others, hence the cast. */
const placeholders = <V>() => new Proxy({}, { get: (_target, name) => new Place(String(name)) }) as V
