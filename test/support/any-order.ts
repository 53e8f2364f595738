import { type KyselyPlugin, OrderByItemNode, QueryNode, RawNode, SelectQueryNode } from 'kysely'

const RANDOM = OrderByItemNode.create(RawNode.createWithSql('random()'))

/** Rows that are asked for in no order come in none, as PostgreSQL may give them: a test that relies on one fails soon. */
export const anyOrder: KyselyPlugin = {
  transformQuery: ({ node }) =>
    SelectQueryNode.is(node) && !node.orderBy && !node.frontModifiers && !node.setOperations
      ? QueryNode.cloneWithOrderByItems(node, [RANDOM])
      : node,
  transformResult: async ({ result }) => result,
}
