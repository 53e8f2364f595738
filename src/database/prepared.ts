import type { CompiledQuery, Kysely } from 'kysely'
import type { Database } from './schema'

/** Whatever Kysely builds: a query, or raw SQL, which needs the handle to be compiled. */
export type Statement<O> = { compile(db: Kysely<Database>): CompiledQuery<O> }

/** Objects whose members are the values of a statement. */
type Values = (Record<string, unknown> | undefined)[]

/** Holds a value's place while its statement is compiled. */
class Place {
  constructor(
    readonly argument: number,
    readonly name: string,
  ) {}
}

/**
 * A statement that is compiled once and then run with other values: Kysely takes longer to build and compile a large one
 * than PostgreSQL to run it. `build` sees placeholders: it must hand each value on as it is, not compare or change it. It
 * does see what is undefined, and the values of the names in `shapedBy`; of each such shape there is a statement.
 */
export function prepared<V extends Values, O>(
  build: (db: Kysely<Database>, ...values: V) => Statement<O>,
  shapedBy: string[] = [],
): (db: Kysely<Database>, ...values: V) => Promise<O[]> {
  const statements = new Map<string, CompiledQuery<O>>()
  return async (db, ...values) => {
    const shape = shapeOf(values, shapedBy)
    let statement = statements.get(shape)
    if (!statement) {
      statement = build(db, ...placeholders(values, shapedBy)).compile(db)
      statements.set(shape, statement)
    }
    const parameters = statement.parameters.map((value) => (value instanceof Place ? valueAt(value, values) : value))
    const { rows } = await db.executeQuery<O>({ ...statement, parameters })
    return rows
  }
}

/** The same of a statement that gives one row, or none. */
export function preparedRow<V extends Values, O>(
  ...statement: Parameters<typeof prepared<V, O>>
): (db: Kysely<Database>, ...values: V) => Promise<O | undefined> {
  const select = prepared(...statement)
  return async (...search) => (await select(...search))[0]
}

const valueAt = ({ argument, name }: Place, values: Values) => values[argument]?.[name]

function shapeOf(values: Values, shapedBy: string[]): string {
  const shape: unknown[] = []
  for (const members of values) {
    for (const name in members) {
      const value = members[name]
      if (value === undefined) continue
      shape.push(name)
      if (shapedBy.includes(name)) shape.push(value)
    }
    shape.push(members ? ';' : '-')
  }
  return shape.join(' ')
}

/** To the builder they are values like any others, hence the cast. */
const placeholders = <V extends Values>(values: V, shapedBy: string[]) =>
  values.map(
    (members, argument) =>
      members &&
      Object.fromEntries(
        Object.entries(members).map(([name, value]) => {
          const isSeen = value === undefined || shapedBy.includes(name)
          return [name, isSeen ? value : new Place(argument, name)]
        }),
      ),
  ) as V
