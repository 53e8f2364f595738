import { canSeePatient } from '../../access/patients'
import type { Context } from '../../deps'
import { notFound } from '../../errors'
import type { Page } from '../../http/pagination'
import { formatInstant } from '../../http/schemas'
import { listPrescriptions, listRecords } from '../../records/service'
import { listAccessLog } from '../access-log/service'
import {
  allAppointments,
  allEmergencies,
  allPaymentEntries,
  allPayments,
  allSessions,
  allWaitlistEntries,
  findPatientWithAccount,
  type PatientWithAccount,
} from './queries'
import type { PatientExport } from './schemas'

/** Batch sizes: clinical documents are large, so fewer of them are in memory at a time. */
const DOCUMENT_BATCH = 20
const EVENT_BATCH = 100

/**
 * All stored data about a patient, as a stream of JSON text (`PatientExport`), read in batches. Throws not_found before
 * the stream begins when the caller may not see the patient. Clinical text is null for admins.
 */
export async function exportPatient(ctx: Context, id: string): Promise<AsyncGenerator<string>> {
  const patient = await ctx.exportLimiter('exports', async () => {
    const found = (await canSeePatient(ctx, id)) && (await findPatientWithAccount(ctx.db, id))
    // Fails now, with a clear error, rather than in the middle of the stream when MongoDB is down.
    if (found) await ctx.mongo.db.command({ ping: 1 })
    return found
  })
  if (!patient) throw notFound('patient')
  return inTurns(ctx, writeJson(membersOf(ctx, patient)))
}

/**
 * Exports take turns piece by piece: a turn lasts while a piece is read, never while a client receives it. So slow clients
 * keep nobody waiting, and a stream that never starts or is cancelled holds no turn.
 */
async function* inTurns({ exportLimiter }: Context, pieces: AsyncGenerator<string>): AsyncGenerator<string> {
  try {
    for (;;) {
      const next = await exportLimiter('exports', () => pieces.next())
      if (next.done) return
      yield next.value
    }
  } finally {
    await pieces.return(undefined)
  }
}

/** Members in the order in which they are sent: values, or iterables that are read while they are sent. */
function membersOf(ctx: Context, patient: PatientWithAccount) {
  const { account, guardians, guardianOf, userId, ...profile } = patient
  const { db } = ctx
  const clinical = ctx.actor.role !== 'admin'
  return {
    exportedAt: ctx.now,
    patient: profile,
    account: account && { ...account, createdAt: new Date(account.createdAt) },
    guardians,
    guardianOf,
    sessions: userId === null ? [] : allSessions(db, userId),
    appointments: withoutReasons(allAppointments(db, patient.id), !clinical),
    waitlist: allWaitlistEntries(db, patient.id),
    payments: allPayments(db, patient.id),
    paymentEntries: allPaymentEntries(db, patient.id),
    records: clinical ? allPages((cursor) => listRecords(ctx, patient.id, { limit: DOCUMENT_BATCH, cursor })) : null,
    prescriptions: clinical
      ? allPages((cursor) => listPrescriptions(ctx, patient.id, { limit: DOCUMENT_BATCH, cursor }))
      : null,
    emergencyAccess: allEmergencies(db, patient.id),
    accessLog: allPages((cursor) => listAccessLog(ctx, patient.id, { limit: EVENT_BATCH, cursor })),
  } satisfies Record<keyof PatientExport, unknown>
}

const NO_REASONS = { reason: null, cancellationReason: null, undoReason: null }

/** The reasons of appointments and cancellations are clinical text. */
async function* withoutReasons(rows: AsyncIterable<object>, hide: boolean) {
  for await (const row of rows) yield hide ? { ...row, ...NO_REASONS } : row
}

async function* allPages<T>(read: (cursor: string | undefined) => Promise<Page<T>>): AsyncGenerator<T> {
  let cursor: string | undefined
  do {
    const page = await read(cursor)
    yield* page.data
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
}

async function* writeJson(members: Record<string, unknown>): AsyncGenerator<string> {
  let before = '{'
  for (const [name, value] of Object.entries(members)) {
    yield `${before}${JSON.stringify(name)}:`
    if (isIterable(value)) yield* writeArray(value)
    else yield textOf(value)
    before = ','
  }
  yield '}'
}

async function* writeArray(items: AsyncIterable<unknown>): AsyncGenerator<string> {
  let before = '['
  for await (const item of items) {
    yield before + textOf(item)
    before = ','
  }
  yield before === '[' ? '[]' : ']'
}

const isIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

/** JSON with instants in the format of the API. */
const textOf = (value: unknown) => JSON.stringify(withInstants(value))

const withInstants = (value: unknown): unknown => {
  if (value instanceof Date) return formatInstant(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, member instanceof Date ? formatInstant(member) : member]),
  )
}
