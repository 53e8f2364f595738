import { afterEach, describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { linkHash } from '../../src/audit/chain'
import { openCheckpointKey } from '../../src/audit/checkpoint-key'
import { type AuditLog, UNIQUE_EVENT } from '../../src/audit/collection'
import { newId } from '../../src/database/ids'
import { createTestApp } from '../support/app'
import { createTrail, findingOf } from './trail'

const t = await createTestApp()
const { whole, logs, log, set, restore, inPostgres, rewrite, rewriteFrom } = await createTrail(t)

type Tampering = { tamper: () => Promise<unknown>; seq: number | null; problem: string }

const isOther = (field: string) => `its ${field} differs from the hashed one`
const NEXT_IS = 'it is missing: the next event is'
const UP_TO_END = 'it is missing, and so are all up to 120'
const NO_NUMBER = 'no event has such a number'
const NOT_RELAYED = 'it was not relayed from PostgreSQL'
const WRONG_HASH = 'its hash does not match its prev and bytes'
const NO_EVENT = 'its bytes are not an event'
const NO_INDEX = 'the unique index that prevents duplicate events is missing'
const rewritten = (first: number, last: number, name: string) =>
  `one or more of the events ${first} to ${last} was rewritten: ${name} names another hash`

const IN_MONGO: Record<string, Tampering> = {
  'a field is edited': { tamper: () => set(77, { actorId: newId() }), seq: 77, problem: isOther('actorId') },
  'a patient is removed': { tamper: () => set(12, { patientIds: [] }), seq: 12, problem: isOther('patientIds') },
  'a time is changed': {
    tamper: () => set(120, { occurredAt: new Date(0) }),
    seq: 120,
    problem: isOther('occurredAt'),
  },
  'a time becomes text': { tamper: () => set(9, { occurredAt: '2026' }), seq: 9, problem: isOther('occurredAt') },
  'the event id is changed': { tamper: () => set(9, { eventId: newId() }), seq: 9, problem: isOther('eventId') },
  'a field is added': {
    tamper: () => set(5, { outcome: 'success' }),
    seq: 5,
    problem: 'it has unknown fields',
  },
  'bytes are edited': {
    tamper: () => set(110, { bytes: log(110).bytes.replace('test.run', 'test.fun') }),
    seq: 110,
    problem: isOther('kind'),
  },
  'bytes are edited where no field repeats them': {
    tamper: () => set(9, { bytes: log(9).bytes.replace('203.0', '198.0') }),
    seq: 9,
    problem: WRONG_HASH,
  },
  'bytes are not text': { tamper: () => set(9, { bytes: 1 }), seq: 9, problem: NO_EVENT },
  'bytes are not an event': { tamper: () => set(9, { bytes: 'null' }), seq: 9, problem: NO_EVENT },
  'the previous hash is edited': { tamper: () => set(31, { prev: 'a'.repeat(64) }), seq: 31, problem: WRONG_HASH },
  'a hash is edited': { tamper: () => set(31, { hash: 'a'.repeat(64) }), seq: 31, problem: WRONG_HASH },
  'an event in the middle is deleted': { tamper: () => logs.deleteOne({ _id: 34 }), seq: 34, problem: `${NEXT_IS} 35` },
  'the first event is deleted': { tamper: () => logs.deleteOne({ _id: 1 }), seq: 1, problem: `${NEXT_IS} 2` },
  'the last event is deleted': { tamper: () => logs.deleteOne({ _id: 120 }), seq: 120, problem: 'it is missing' },
  'all events after one are deleted': {
    tamper: () => logs.deleteMany({ _id: { $gt: 50 } }),
    seq: 51,
    problem: UP_TO_END,
  },
  'all events are deleted': { tamper: () => logs.deleteMany({}), seq: 1, problem: UP_TO_END },
  'an event is inserted between two others': {
    tamper: () => logs.insertOne({ ...log(40), _id: 40.5, eventId: newId() }),
    seq: 40.5,
    problem: NO_NUMBER,
  },
  'an event is added at the end': {
    tamper: async () => logs.insertOne(await invented()),
    seq: 121,
    problem: NOT_RELAYED,
  },
  'an event is added before the first': {
    tamper: () => logs.insertOne({ ...log(1), _id: 0, eventId: newId() }),
    seq: 0,
    problem: NO_NUMBER,
  },
  'an event is added with a text as its number': {
    tamper: () => logs.insertOne({ ...log(1), _id: 'x' as never, eventId: newId() }),
    seq: null,
    problem: 'a document has the id x: no event has such an id',
  },
  'two events are swapped': { tamper: () => swap(10, 100), seq: 10, problem: 'its bytes are those of event 100' },
  'two events are swapped with their numbers': { tamper: () => swap(10, 100, true), seq: 10, problem: WRONG_HASH },
  'an event is doubled': { tamper: () => double(32), seq: 121, problem: NOT_RELAYED },
  'the unique index of events is dropped': { tamper: () => logs.dropIndex(UNIQUE_EVENT), seq: null, problem: NO_INDEX },
  'an event is rewritten with its hash': {
    tamper: () => rewrite(70),
    seq: 70,
    problem: 'it or event 71 was rewritten: event 71 follows another hash',
  },
  'the event of a checkpoint is rewritten with its hash': {
    tamper: () => rewrite(75),
    seq: 75,
    problem: rewritten(31, 75, 'the checkpoint'),
  },
  'all events from one on are rewritten': {
    tamper: () => rewriteFrom(40),
    seq: 75,
    problem: rewritten(31, 75, 'the checkpoint'),
  },
  'all events are rewritten': {
    tamper: () => rewriteFrom(1),
    seq: 30,
    problem: rewritten(1, 30, 'the checkpoint'),
  },
  'all events after the last checkpoint are rewritten': {
    tamper: () => rewriteFrom(80),
    seq: 120,
    problem: rewritten(76, 120, 'the head in PostgreSQL'),
  },
}

const forged = (seq: number) => `the checkpoint of event ${seq} has no valid signature`
const OTHER_HASH = 'a'.repeat(64)

const IN_POSTGRES: Record<string, { statement: string; seq: number; problem: string }> = {
  "a checkpoint's hash is edited": {
    statement: `update audit_checkpoints set hash = '${OTHER_HASH}' where seq = 75`,
    seq: 75,
    problem: forged(75),
  },
  "a checkpoint's time is edited": {
    statement: "update audit_checkpoints set created_at = created_at - interval '1 ms' where seq = 30",
    seq: 30,
    problem: forged(30),
  },
  "a checkpoint's position is edited": {
    statement: 'update audit_checkpoints set seq = 29 where seq = 30',
    seq: 29,
    problem: forged(29),
  },
  "a checkpoint's signature is edited": {
    statement: "update audit_checkpoints set signature = '' where seq = 30",
    seq: 30,
    problem: forged(30),
  },
  'the head is set back': {
    statement: `update audit_head set seq = 60, hash = '${log(60).hash}'`,
    seq: 61,
    problem: 'PostgreSQL counts 60 events, but the checkpoint is of event 75',
  },
  'the head is set back to after the last checkpoint': {
    statement: `update audit_head set seq = 110, hash = '${log(110).hash}'`,
    seq: 111,
    problem: NOT_RELAYED,
  },
  'the head has another hash': {
    statement: `update audit_head set hash = '${log(3).hash}'`,
    seq: 120,
    problem: rewritten(76, 120, 'the head in PostgreSQL'),
  },
  'the start of the chain is set later': {
    statement: `update audit_head set start_seq = 50, start_hash = '${log(50).hash}'`,
    seq: 50,
    problem: 'no signed checkpoint confirms that the chain begins after it',
  },
}

afterEach(restore)

describe('tampering in MongoDB', () => {
  test.each(Object.entries(IN_MONGO))(
    'verification finds and locates tampering in MongoDB: %s',
    async (_, { tamper, seq, problem }) => {
      await tamper()
      expect(await findingOf(t)).toEqual([seq, problem])
    },
  )
})

describe('tampering in PostgreSQL', () => {
  test.each(Object.entries(IN_POSTGRES))(
    'verification finds and locates tampering in PostgreSQL: %s',
    async (_, { statement, seq, problem }) => {
      await inPostgres(statement)
      expect(await findingOf(t)).toEqual([seq, problem])
    },
  )

  test('only the owner of their table can change audit checkpoints', async () => {
    for (const change of [
      'update audit_checkpoints set seq = 1',
      'delete from audit_checkpoints',
      'truncate audit_checkpoints',
    ])
      await expect(sql.raw(change).execute(t.db)).rejects.toThrow('checkpoints of the audit trail are never changed')
  })
})

describe('checkpoints kept elsewhere', () => {
  test('a checkpoint kept elsewhere reveals events that were rewritten in both databases and signed again', async () => {
    await rewriteFrom(40)
    const [sealed, last] = await logs
      .find({ _id: { $in: [75, 120] } })
      .sort({ _id: 1 })
      .toArray()
    const key = await openCheckpointKey(t.deps.config.audit)
    const { createdAt } = whole.checkpoints[0]!
    const { signature } = await key.sign({ seq: 75, hash: sealed!.hash, createdAt })
    await inPostgres(`update audit_checkpoints set hash = '${sealed!.hash}', signature = '${signature}' where seq = 75`)
    await inPostgres(`update audit_head set hash = '${last!.hash}'`)
    expect(await findingOf(t)).toBeUndefined()
    const problem = 'the kept checkpoint does not match the chain'
    expect(await findingOf(t, { kept: whole.checkpoints })).toEqual([75, problem])
  })

  test('a checkpoint kept elsewhere reveals that both databases were cut off', async () => {
    await logs.deleteMany({ _id: { $gt: 60 } })
    await inPostgres('delete from audit_checkpoints where seq > 60')
    await inPostgres(`update audit_head set seq = 60, hash = '${log(60).hash}'`)
    expect(await findingOf(t)).toBeUndefined()
    const problem = 'PostgreSQL counts 60 events, but the kept checkpoint is of event 75'
    expect(await findingOf(t, { kept: whole.checkpoints })).toEqual([61, problem])
  })
})

async function invented(): Promise<AuditLog> {
  const last = log(120)
  const eventId = newId()
  const bytes = JSON.stringify({ ...JSON.parse(last.bytes), seq: 121, eventId })
  return { ...last, _id: 121, eventId, prev: last.hash, hash: linkHash(last.hash, bytes), bytes }
}

async function swap(a: number, b: number, renumbered = false): Promise<void> {
  const bytesAs = (seq: number, { bytes }: AuditLog) =>
    renumbered ? JSON.stringify({ ...JSON.parse(bytes), seq }) : bytes
  await logs.deleteMany({ _id: { $in: [a, b] } })
  await logs.insertOne({ ...log(b), _id: a, bytes: bytesAs(a, log(b)) })
  await logs.insertOne({ ...log(a), _id: b, bytes: bytesAs(b, log(a)) })
}

async function double(seq: number): Promise<void> {
  await logs.dropIndex(UNIQUE_EVENT)
  await logs.insertOne({ ...log(seq), _id: 121 })
}
