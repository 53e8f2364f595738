import type { CompiledQuery, Kysely } from 'kysely'
import type { Role } from '../auth/tables'
import type { Actor } from '../deps'
import type { Database } from './schema'

/** Whatever Kysely builds: a query, or raw SQL, which needs the handle to be compiled. */
type Statement<O> = { compile(db: Kysely<Database>): CompiledQuery<O> }

/** Holds a value's place while its statement is compiled. */
class Place {
  constructor(
    readonly argument: number,
    readonly name: string,
  ) {}
}

/**
 * A statement that is compiled once and then run with other values: Kysely takes longer to compile a large one than
 * PostgreSQL to run it. `build` sees placeholders only: it must name each value and hand it on as it is, not spread,
 * compare or change it.
 */
export function prepared<V extends object[], O>(
  build: (db: Kysely<Database>, ...values: V) => Statement<O>,
): (db: Kysely<Database>, ...values: V) => Promise<O[]> {
  let compiled: CompiledQuery<O> | undefined
  return async (db, ...values) => {
    compiled ??= build(db, ...placeholders(values)).compile(db)
    const parameters = compiled.parameters.map((value) => (value instanceof Place ? valueAt(value, values) : value))
    const { rows } = await db.executeQuery<O>({ ...compiled, parameters })
    return rows
  }
}

/** The same where it depends on the caller's role, by which the statements differ. Of the actor it may use the ids. */
export function preparedByRole<V extends object[], O>(
  build: (db: Kysely<Database>, actor: Actor, ...values: V) => Statement<O>,
): (db: Kysely<Database>, actor: Actor, ...values: V) => Promise<O[]> {
  const preparedFor = (role: Role) =>
    prepared((db, { userId, sessionId, patientId, doctorId }: Actor, ...values: V) =>
      build(db, { role, userId, sessionId, patientId, doctorId }, ...values),
    )
  const statements = { patient: preparedFor('patient'), doctor: preparedFor('doctor'), admin: preparedFor('admin') }
  return (db, actor, ...values) => statements[actor.role](db, actor, ...values)
}

const valueAt = ({ argument, name }: Place, values: object[]) => Reflect.get(values[argument]!, name)

/** Every member of each is a placeholder of its own name. To the builder they are values like any others, hence the cast. */
const placeholders = <V extends object[]>(values: V) =>
  values.map((_value, argument) => new Proxy({}, { get: (_target, name) => new Place(argument, String(name)) })) as V
