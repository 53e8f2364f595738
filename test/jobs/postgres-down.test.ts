import { expect, test } from 'bun:test'
import { inTransaction } from '../../src/database/transaction'
import { enqueue } from '../../src/jobs/queue'
import { createAppOnOwnServers } from '../http/own-databases'

const t = await createAppOnOwnServers()

const freed = (appointmentId: string) => ({
  appointmentId,
  was: 'booked' as const,
  doctorId: appointmentId,
  clinicId: appointmentId,
  startsAt: '2026-01-06T14:00:00.000Z',
})
const send = (id: string) => inTransaction(t.deps, (ctx) => enqueue(ctx, 'waitlist.time_freed', freed(id)))

test('workers survive a PostgreSQL that is down at their start or later', async () => {
  const [first, second] = [crypto.randomUUID(), crypto.randomUUID()]
  const seen: string[] = []
  const [doneFirst, doneSecond] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  await t.stopPostgres()
  const working = t.deps.jobs.work({
    'waitlist.time_freed': async ({ appointmentId }) => {
      seen.push(appointmentId)
      ;(appointmentId === first ? doneFirst : doneSecond).resolve()
    },
  })
  expect(send(first)).rejects.toThrow()
  await send(first).catch(() => {})

  await t.startPostgres()
  await send(first)
  await doneFirst.promise

  await t.stopPostgres()
  await t.startPostgres()
  await send(second)
  await doneSecond.promise
  await working.stop()
  expect(seen).toEqual([first, second])
}, 60_000)
