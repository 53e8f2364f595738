import { canSeePatient } from '../../access/patients'
import { newFileId } from '../../database/file-store'
import type { Mongo } from '../../database/mongo'
import type { Context, TransactionContext } from '../../deps'
import { notFound, unavailable } from '../../errors'
import type { FixedWrite } from '../../http/operations/clinical-mutation'
import type { UploadedFile } from '../../http/operations/multipart'
import { ATTACHMENTS, type MedicalRecordDocument, medicalRecords, type StoredAttachment } from '../collections'
import { type Append, appendTo, getAuthor } from '../compose-append'
import { canRead, findVisible } from '../service'
import { inspectFile } from './file-type'
import {
  attachmentFiles,
  deletePendingUpload,
  findRecordOfAttachment,
  insertPendingUpload,
  listFileIds,
} from './queries'

/** A file in GridFS that no record names yet, and the record it will be attached to. */
export type ReceivedFile = Pick<StoredAttachment, 'fileId' | 'filename' | 'contentType' | 'size' | 'sha256'> & {
  record: MedicalRecordDocument
}

/** Must stay below the sweeper's age limit, or the sweeper would delete an upload that is still running. */
const MAX_UPLOAD_MS = 10 * 60_000

/**
 * Stores the file under a new id while it arrives; it stays invisible until a record names it. An invisible record is
 * reported only after the whole file was checked: 415 and 422 come before 404.
 */
export async function receiveAttachment(
  ctx: Context,
  recordId: string,
  { filename, content }: UploadedFile,
): Promise<ReceivedFile> {
  const record = await findVisible(ctx, medicalRecords(ctx.mongo), recordId)
  const file = inspectFile(inTime(content))
  if (!record) {
    for await (const _ of file.content);
    throw notFound('record')
  }
  await ctx.mongo.ready()
  const fileId = newFileId()
  await insertPendingUpload(ctx.mongo, { _id: fileId, patientId: record.patientId, recordId, startedAt: ctx.now })
  try {
    const stored = await attachmentFiles(ctx.mongo).put(fileId, file.content)
    return { record, fileId, filename, contentType: file.type(), ...stored }
  } catch (error) {
    await discard(ctx, fileId)
    throw error
  }
}

async function* inTime(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const until = performance.now() + MAX_UPLOAD_MS
  for await (const piece of content) {
    if (performance.now() > until) throw unavailable('The upload took more than ten minutes.')
    yield piece
  }
}

/** Throws not_found when the caller may no longer read the record, invalid_state when the record is full. */
export async function composeAttachment(
  ctx: TransactionContext,
  { record, ...file }: ReceivedFile,
  fixed: FixedWrite,
): Promise<Append<MedicalRecordDocument>> {
  if (!(await canRead(ctx, record))) throw notFound('record')
  const { id, createdAt } = fixed
  const attachment: StoredAttachment = { id, ...file, doctor: await getAuthor(ctx), createdAt }
  return { ...appendTo(ATTACHMENTS, record, attachment, fixed), targetId: id, detail: { recordId: record._id } }
}

/** Keeps the file if the record names it; otherwise (another attempt's file was attached, or none) removes it. */
export async function finishUpload(
  ctx: Context,
  { fileId }: ReceivedFile,
  record?: MedicalRecordDocument,
): Promise<void> {
  if (record?.attachments?.some((attachment) => attachment.fileId === fileId))
    await deletePendingUpload(ctx.mongo, fileId)
  else await discard(ctx, fileId)
}

/** If this fails, the sweeper removes the file later. */
async function discard({ mongo, log, requestId }: Context, fileId: string): Promise<void> {
  try {
    await attachmentFiles(mongo).remove(fileId)
    await deletePendingUpload(mongo, fileId)
  } catch (error) {
    log.warn({ error, requestId }, 'a failed upload could not be removed: the sweeper will do it')
  }
}

/** Throws not_found. The author of the record and the doctor who attached the file may always read it. */
export async function openAttachment(ctx: Context, id: string) {
  const record = await findRecordOfAttachment(ctx.mongo, id)
  const attachment = record?.attachments?.[0]
  if (!record || !attachment) throw notFound('attachment')
  const isAuthor = [record.doctorId, attachment.doctor.id].some((doctorId) => doctorId === ctx.actor.doctorId)
  if (!isAuthor && !(await canSeePatient(ctx, record.patientId))) throw notFound('attachment')
  return { record, attachment, content: attachmentFiles(ctx.mongo).read(attachment.fileId, attachment.sha256) }
}

/** Deletes the files attached to the patient's records created until `until`; call it before deleting those records. */
export async function deleteAttachmentFiles(mongo: Mongo, patientId: string, until: Date): Promise<void> {
  const files = attachmentFiles(mongo)
  for await (const fileId of listFileIds(mongo, patientId, until)) await files.remove(fileId)
}
