import { type KyselyPlugin, OrderByItemNode, QueryNode, RawNode, SelectQueryNode } from 'kysely'

const RANDOM = OrderByItemNode.create(RawNode.createWithSql('random()'))

/** Shuffles the rows of queries without `orderBy`, as PostgreSQL may: a test that relies on their order fails soon. */
export const anyOrder: KyselyPlugin = {
  transformQuery: ({ node }) =>
    SelectQueryNode.is(node) && !node.orderBy && !node.frontModifiers && !node.setOperations
      ? QueryNode.cloneWithOrderByItems(node, [RANDOM])
      : node,
  transformResult: async ({ result }) => result,
}
