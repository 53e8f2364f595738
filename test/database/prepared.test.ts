import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import type { Role } from '../../src/actor'
import { prepared } from '../../src/database/prepared'
import { createTestApp } from '../support/app'

const t = await createTestApp()

describe('prepared statements', () => {
  test('a prepared statement is built once and runs with the values of each call', async () => {
    let built = 0
    const add = prepared((_db, { a, b }: { a: number; b: number }) => {
      built++
      return sql<{ sum: number }>`select ${a}::integer + ${b}::integer + ${a}::integer as sum`
    })
    const sums = await Promise.all([1, 2, 3].map((n) => add(t.db, { b: n, a: 10 * n })))
    expect(sums).toEqual([[{ sum: 21 }], [{ sum: 42 }], [{ sum: 63 }]])
    expect(built).toBe(1)
  })

  test('a prepared statement distinguishes null, false, 0 and the empty text', async () => {
    const echo = prepared((_db, values: { what: unknown }) => sql`select ${values.what}::text as what`)
    for (const what of [null, false, 0, ''])
      expect(await echo(t.db, { what })).toEqual([{ what: what?.toString() ?? null }])
  })

  test('a prepared statement is built separately for each set of missing values', async () => {
    const clinics = [await t.newClinic(), await t.newClinic()]
    const list = prepared((db, { name }: { name?: string }, after?: { id: string }) =>
      db
        .selectFrom('clinics')
        .select('id')
        .$if(name !== undefined, (qb) => qb.where('name', '=', name!))
        .$if(after !== undefined, (qb) => qb.where('id', '>', after!.id))
        .orderBy('id'),
    )
    const [first, second] = clinics.map(({ id }) => ({ id })).sort((a, b) => (a.id < b.id ? -1 : 1))
    for (let round = 0; round < 2; round++) {
      expect(await list(t.db, {})).toEqual([first!, second!])
      expect(await list(t.db, { name: undefined })).toEqual([first!, second!])
      expect(await list(t.db, {}, first)).toEqual([second!])
      expect(await list(t.db, { name: 'Nowhere' })).toEqual([])
      expect(await list(t.db, { name: 'Nowhere' }, first)).toEqual([])
    }
  })

  test('a prepared statement is built separately for each value that shapes it', async () => {
    const roles: Role[] = []
    const whoAmI = prepared(
      (_db, { role, userId }: { role: Role; userId: string }) => {
        roles.push(role)
        return sql`select ${sql.lit(role)} as role, ${userId}::text as "userId"`
      },
      ['role'],
    )
    for (const role of ['patient', 'admin', 'patient', 'doctor', 'admin'] as const)
      for (const userId of ['one', 'two']) expect(await whoAmI(t.db, { role, userId })).toEqual([{ role, userId }])
    expect(roles).toEqual(['patient', 'admin', 'doctor'])
  })

  test.each<[how: string, convert: (value: { from: Date }) => unknown]>([
    ['compares a value', ({ from }) => from < new Date()],
    ['calculates with a value', ({ from }) => +from + 1],
    ['puts a value into a text', ({ from }) => `${from}`],
    ['calls toString on a value', ({ from }) => from.toString()],
    ['calls valueOf on a value', ({ from }) => from.valueOf()],
    ['turns its values into JSON', (value) => JSON.stringify(value)],
  ])('a prepared statement whose builder %s throws a TypeError that names the value', async (_how, convert) => {
    const wrong = prepared((_db, value: { from: Date }) => sql`select ${convert(value)}`)
    const error = await wrong(t.db, { from: new Date() }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain('`from`')
  })
})
