import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { appendAuditEvent } from '../../src/database/audit-outbox'
import { newFileId } from '../../src/database/file-store'
import { newId } from '../../src/database/ids'
import type { Database } from '../../src/database/schema'
import { DEMO, demoDay } from '../../src/http/docs/demo-ids'
import { attachmentFiles } from '../../src/records/attachments/queries'
import type { DemoWorld } from './world'

type Mongo = Parameters<typeof attachmentFiles>[0]

const HOUR = 3_600_000

/**
 * One of each thing that the documentation shows and that two weeks of bookings do not contain. What takes hours from the
 * demo doctor lies far ahead.
 */
export async function insertSamples(db: Kysely<Database>, { users, doctors }: DemoWorld, now: Date): Promise<void> {
  const { clinic: clinicId, doctor: doctorId, patient: patientId } = DEMO
  const admin = users.find(({ role }) => role === 'admin')!
  const patient = users.find(({ email }) => email === 'patient@demo.clinic')!
  await db.insertInto('rooms').values({ id: DEMO.room, clinicId, name: 'Room 1', createdAt: now }).execute()
  const closed = demoDay(now, 85)
  await db
    .insertInto('clinicClosures')
    .values({ id: DEMO.closure, clinicId, startsOn: closed, endsOn: closed, reason: 'Team day' })
    .execute()
  const away = demoDay(now, 84)
  await db
    .insertInto('availabilityExceptions')
    .values({
      id: DEMO.exception,
      doctorId,
      clinicId,
      startsAt: new Date(`${away}T14:00:00Z`),
      endsAt: new Date(`${away}T20:00:00Z`),
      kind: 'off',
      note: 'Conference',
      createdAt: now,
    })
    .execute()
  await db
    .insertInto('waitlistEntries')
    .values({
      id: DEMO.waitlistEntry,
      patientId,
      doctorId,
      clinicId,
      startsOn: demoDay(now, 1),
      endsOn: demoDay(now, 6),
      createdBy: patient.id,
      createdByRole: 'patient',
      createdAt: now,
    })
    .execute()
  const { doctor } = doctors[1]!
  const access = { id: newId(), doctorId: doctor.id, patientId, createdAt: new Date(now.getTime() - 48 * HOUR) }
  const expiresAt = new Date(access.createdAt.getTime() + 4 * HOUR)
  const reason = 'Fainted in the waiting room'
  await db
    .insertInto('emergencyAccess')
    .values({ ...access, reason, expiresAt })
    .execute()
  await appendAuditEvent(db, {
    // The relay takes the oldest event first: this one becomes number 1.
    id: '01980000-0000-7000-8000-000000000001',
    occurredAt: access.createdAt,
    kind: 'emergency_access',
    action: 'E',
    outcome: 'success',
    actorId: doctor.userId ?? admin.id,
    actorRole: 'doctor',
    purpose: 'emergency',
    patientIds: [patientId],
    targetId: access.id,
    requestId: newId(),
    ip: null,
    detail: null,
  })
}

const PDF = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>endobj
trailer<</Root 1 0 R>>
%%EOF
`

/** Stores a one-page file; returns it as an attachment of a record. */
export async function storeSampleFile(mongo: Mongo, doctor: { id: string; name: string }, createdAt: Date) {
  const fileId = newFileId()
  const content = new TextEncoder().encode(PDF)
  await attachmentFiles(mongo).put(
    fileId,
    (async function* () {
      yield content
    })(),
  )
  const sha256 = createHash('sha256').update(content).digest('hex')
  const file = { filename: 'ECG.pdf', contentType: 'application/pdf' as const, size: content.length, sha256 }
  return { id: DEMO.attachment, fileId, ...file, doctor, createdAt }
}
