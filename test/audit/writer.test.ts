import { beforeEach, describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import type { AuditEvent } from '../../src/database/audit-event'
import { createAuditWriter } from '../../src/database/audit-outbox'
import { newId } from '../../src/database/ids'
import { createTestApp, NOW } from '../support/app'
import { countRoundTrips } from '../support/round-trips'
import { event } from './trail'

const t = await createTestApp()
const wire = await countRoundTrips(t)
const patient = await t.newPatient()

const stored = () => t.auditEvents().selectAll().execute()

beforeEach(async () => {
  await sql`delete from audit_outbox`.execute(t.db)
})

describe('the audit writer', () => {
  test('the audit writer stores an event unchanged', async () => {
    const actor = { userId: newId(), role: 'doctor' as const }
    const facts = { patientIds: [newId(), newId()], targetId: newId(), actor, detail: { a: 1, b: 'ü"\\', c: true } }
    const events = [event(facts), event()]
    for (const each of events) await createAuditWriter(t.db).append(each)
    expect(await stored()).toMatchObject(events)
    expect((await stored())[0]!.occurredAt).toEqual(NOW)
  })

  test('the audit writer writes one event at once, and the events that arrive meanwhile in one batch', async () => {
    const writer = createAuditWriter(wire.deps.db)
    await writer.append(event())
    const one = await wire.measure(() => writer.append(event()))
    expect(one.roundTrips).toBe(1)
    const many = await wire.measure(() => Promise.all(Array.from({ length: 100 }, () => writer.append(event()))))
    expect(many.roundTrips).toBe(2)
    expect(await stored()).toHaveLength(102)
  })

  test('the audit writer resolves only once the event is committed', async () => {
    const writer = createAuditWriter(t.db)
    const appendAndLook = async () => {
      const { id, ...rest } = event()
      await writer.append({ id, ...rest })
      return t.db.selectFrom('auditOutbox').select('id').where('id', '=', id).executeTakeFirst()
    }
    const seen = await Promise.all(Array.from({ length: 50 }, appendAndLook))
    expect(seen.every((row) => row !== undefined)).toBe(true)
  })

  test('the audit writer rejects only the event that the database refuses', async () => {
    const writer = createAuditWriter(t.db)
    const bad: AuditEvent = { ...event(), targetId: 'no id' }
    const outcomes = await Promise.allSettled([event(), event(), bad, event()].map((each) => writer.append(each)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect(await stored()).toHaveLength(3)
    await writer.append(event())
  })

  test('the audit writer rejects the events on a lost connection and continues on another', async () => {
    const writer = createAuditWriter(t.db)
    const holder = await t.deps.postgres.pool.connect()
    await holder.query('begin; lock table audit_outbox in access exclusive mode')
    const pending = Promise.allSettled([writer.append(event()), writer.append(event()), writer.append(event())])
    const waiting = `select pg_terminate_backend(pid) as done from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    const ended = async () => (await holder.query(waiting)).rows.length
    while ((await ended()) === 0);
    await holder.query('rollback')
    holder.release()
    const outcomes = await pending
    expect(outcomes[0]).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } })
    expect(await stored()).toHaveLength(outcomes.filter(({ status }) => status === 'fulfilled').length)
    await writer.append(event())
  })

  test('the audit writer batches the events of reads that are answered at the same time', async () => {
    const read = () => wire.as(patient.actor).get(`/patients/${patient.id}`)
    const readTogether = () => Promise.all(Array.from({ length: 20 }, read))
    // Opens the connections, each of which takes a round trip.
    await readTogether()
    const alone = (await wire.measure(read)).roundTrips
    const { answer, roundTrips } = await wire.measure(readTogether)
    expect(answer.map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(roundTrips).toBeLessThanOrEqual(20 * alone - 10)
    const requests = answer.map(({ headers }) => headers.get('x-request-id')!)
    const events = await t.auditEvents().select('requestId').where('requestId', 'in', requests).execute()
    expect(events.map(({ requestId }) => requestId).sort()).toEqual(requests.sort())
  })
})
