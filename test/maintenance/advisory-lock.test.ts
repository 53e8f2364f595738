import { describe, expect, test } from 'bun:test'
import { withTryLock } from '../../src/database/advisory-lock'
import { createTestApp } from '../support/app'

const { deps } = await createTestApp()
const lock = <T>(name: string, task: () => Promise<T>) => withTryLock(deps.postgres, name, task)

describe('named locks', () => {
  test('a named lock admits one task at a time, and the next one afterwards', async () => {
    const inner = await lock('one', () => lock('one', async () => 'in twice'))
    expect(inner).toBeUndefined()
    expect(await lock('one', async () => 'in')).toBe('in')
  })

  test('a named lock does not block another name', async () => {
    expect(await lock('one', () => lock('two', async () => 'in'))).toBe('in')
  })

  test('a named lock is released when its task fails', async () => {
    await expect(lock('one', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    expect(await lock('one', async () => 'in')).toBe('in')
  })

  test('a named lock is released when its connection is lost, and the pool keeps working', async () => {
    const { pool } = deps.postgres
    const result = await lock('one', async () => {
      await pool.query(
        "select pg_terminate_backend(pid, 1000) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid() and database = (select oid from pg_database where datname = current_database())",
      )
      return lock('one', async () => 'in')
    })
    expect(result).toBe('in')
  })
})
