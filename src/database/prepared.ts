import type { CompiledQuery, Kysely } from 'kysely'
import type { Database } from './schema'

/** Anything that Kysely compiles: a query, or raw SQL, which needs the handle to be compiled. */
export type Statement<O> = { compile(db: Kysely<Database>): CompiledQuery<O> }

/** Objects whose members are the values of a statement. */
type Values = (Record<string, unknown> | undefined)[]

/**
 * Replaces a value while its statement is built. Throws when it is converted or compared with `<` or `>`: the statement
 * would be compiled with the result and then run with it for all other values too.
 */
class Placeholder {
  constructor(
    readonly argument: number,
    readonly name: string,
  ) {}

  [Symbol.toPrimitive](): never {
    throw new TypeError(`the value \`${this.name}\` of a prepared statement is not known while it is built`)
  }

  toString = this[Symbol.toPrimitive]
  valueOf = this[Symbol.toPrimitive]
  toJSON = this[Symbol.toPrimitive]
}

/**
 * A statement that is compiled once: building a large one takes Kysely longer than PostgreSQL needs to run it. `build`
 * gets placeholders, which it must pass on unchanged. It may only branch on undefined values and on the values named in
 * `branchOn`; one statement is compiled for each combination of them.
 */
export function prepared<V extends Values, O>(
  build: (db: Kysely<Database>, ...values: V) => Statement<O>,
  branchOn: string[] = [],
): (db: Kysely<Database>, ...values: V) => Promise<O[]> {
  const statements = new Map<string, CompiledQuery<O>>()
  return async (db, ...values) => {
    const shape = shapeOf(values, branchOn)
    let statement = statements.get(shape)
    if (!statement) {
      statement = build(db, ...placeholders(values, branchOn)).compile(db)
      statements.set(shape, statement)
    }
    const parameters = statement.parameters.map((value) =>
      value instanceof Placeholder ? valueAt(value, values) : value,
    )
    const { rows } = await db.executeQuery<O>({ ...statement, parameters })
    return rows
  }
}

/** Like `prepared`, for a statement with at most one row: returns that row, or undefined. */
export function preparedRow<V extends Values, O>(
  ...statement: Parameters<typeof prepared<V, O>>
): (db: Kysely<Database>, ...values: V) => Promise<O | undefined> {
  const select = prepared(...statement)
  return async (...search) => (await select(...search))[0]
}

const valueAt = ({ argument, name }: Placeholder, values: Values) => values[argument]?.[name]

/** The key of a statement: which values are there, and those named in `branchOn`. */
function shapeOf(values: Values, branchOn: string[]): string {
  const shape: unknown[] = []
  for (const members of values) {
    for (const name in members) {
      const value = members[name]
      if (value === undefined) continue
      shape.push(name)
      if (branchOn.includes(name)) shape.push(value)
    }
    shape.push(members ? ';' : '-')
  }
  return shape.join(' ')
}

/** The builder uses them like values, hence the cast. */
const placeholders = <V extends Values>(values: V, branchOn: string[]) =>
  values.map(
    (members, argument) =>
      members &&
      Object.fromEntries(
        Object.entries(members).map(([name, value]) => {
          const isKnown = value === undefined || branchOn.includes(name)
          return [name, isKnown ? value : new Placeholder(argument, name)]
        }),
      ),
  ) as V
