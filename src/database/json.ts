import {
  AliasNode,
  ColumnNode,
  type Expression,
  IdentifierNode,
  type OperationNode,
  ReferenceNode,
  SelectQueryNode,
  sql,
} from 'kysely'
import type { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres'

/**
 * A select's rows as one JSON array, `[]` when there are none. Unlike Kysely's `jsonArrayFrom` its keys are the
 * camelCase names: the plugin leaves keys inside JSON as they are, so the statement has to write them. Instants come
 * out as strings.
 */
export const jsonRows = <O>(select: Expression<O>): ReturnType<typeof jsonArrayFrom<O>> =>
  sql`(select coalesce(json_agg(${jsonObject(select)}), '[]') from ${select} as j)`

/** The one row of a select as a JSON object, null when there is none; see `jsonRows`. */
export const jsonRow = <O>(select: Expression<O>): ReturnType<typeof jsonObjectFrom<O>> =>
  sql`(select ${jsonObject(select)} from ${select} as j)`

function jsonObject(select: Expression<unknown>) {
  const node = select.toOperationNode()
  if (!SelectQueryNode.is(node)) throw new TypeError('only a select can become JSON')
  const names = (node.selections ?? []).map(({ selection }) => nameOf(selection))
  return sql`json_build_object(${sql.join(names.flatMap((name) => [sql.lit(name), sql.ref(`j.${name}`)]))})`
}

function nameOf(node: OperationNode): string {
  if (ReferenceNode.is(node) && ColumnNode.is(node.column)) return node.column.column.name
  if (ColumnNode.is(node)) return node.column.name
  if (AliasNode.is(node) && IdentifierNode.is(node.alias)) return node.alias.name
  throw new TypeError('every column of a JSON select must have a name')
}
