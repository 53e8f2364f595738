import { canSeePatient } from '../../access/patients'
import { newFileId } from '../../database/file-store'
import type { Mongo } from '../../database/mongo'
import type { Context, TransactionContext } from '../../deps'
import { notFound, unavailable } from '../../errors'
import type { FixedWrite } from '../../http/operations/clinical-mutation'
import type { UploadedFile } from '../../http/operations/multipart'
import { ATTACHMENTS, type Attachment, type MedicalRecordDocument, medicalRecords } from '../collections'
import { type Append, appendTo, getAuthor } from '../compose-append'
import { canRead, findVisible } from '../service'
import { inspectFile } from './file-type'
import { attachmentFiles, deleteUpload, findRecordOfAttachment, insertUpload, listFileIds } from './queries'

/** A file in GridFS that no record has yet, and the record that is to have it. */
export type Received = Pick<Attachment, 'fileId' | 'filename' | 'contentType' | 'size' | 'sha256'> & {
  record: MedicalRecordDocument
}

/** Far less than the sweeper waits: it takes no upload for abandoned that is still at work. */
const LONGEST_MS = 10 * 60_000

/**
 * Stores the file as it arrives, under an id of its own; nobody sees it until a record names it. The file is read to its
 * end for a record that the caller may not see too: what is wrong with a request is told before what it is about.
 */
export async function receiveAttachment(
  ctx: Context,
  recordId: string,
  { filename, content }: UploadedFile,
): Promise<Received> {
  const record = await findVisible(ctx, medicalRecords(ctx.mongo), recordId)
  const file = inspectFile(inTime(content))
  if (!record) {
    for await (const _ of file.content);
    throw notFound('record')
  }
  await ctx.mongo.ready()
  const fileId = newFileId()
  await insertUpload(ctx.mongo, { _id: fileId, patientId: record.patientId, recordId, startedAt: ctx.now })
  try {
    const stored = await attachmentFiles(ctx.mongo).put(fileId, file.content)
    return { record, fileId, filename, contentType: file.type(), ...stored }
  } catch (error) {
    await discard(ctx, fileId)
    throw error
  }
}

async function* inTime(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const until = performance.now() + LONGEST_MS
  for await (const piece of content) {
    if (performance.now() > until) throw unavailable('The upload took too long.')
    yield piece
  }
}

/** Throws not_found where the record has gone out of reach since, invalid_state for one that is full. */
export async function composeAttachment(
  ctx: TransactionContext,
  { record, ...file }: Received,
  fixed: FixedWrite,
): Promise<Append<MedicalRecordDocument>> {
  if (!(await canRead(ctx, record))) throw notFound('record')
  const { id, createdAt } = fixed
  const attachment: Attachment = { id, ...file, doctor: await getAuthor(ctx), createdAt }
  return { ...appendTo(ATTACHMENTS, record, attachment, fixed), targetId: id, detail: { recordId: record._id } }
}

/** Keeps the file if the record has it; another attempt's may be there instead, or none. */
export async function finishUpload(ctx: Context, { fileId }: Received, record?: MedicalRecordDocument): Promise<void> {
  if (record?.attachments?.some((attachment) => attachment.fileId === fileId)) await deleteUpload(ctx.mongo, fileId)
  else await discard(ctx, fileId)
}

/** What this fails to take away, the sweeper will. */
async function discard({ mongo, log, requestId }: Context, fileId: string): Promise<void> {
  try {
    await attachmentFiles(mongo).remove(fileId)
    await deleteUpload(mongo, fileId)
  } catch (error) {
    log.warn({ error, requestId }, 'an upload that failed is left to the sweeper')
  }
}

/** Throws not_found for one the caller may not read; who wrote the record or attached the file always may. */
export async function openAttachment(ctx: Context, id: string) {
  const record = await findRecordOfAttachment(ctx.mongo, id)
  const attachment = record?.attachments?.[0]
  if (!record || !attachment) throw notFound('attachment')
  const isAuthor = [record.doctorId, attachment.doctor.id].some((doctorId) => doctorId === ctx.actor.doctorId)
  if (!isAuthor && !(await canSeePatient(ctx, record.patientId))) throw notFound('attachment')
  return { record, attachment, content: attachmentFiles(ctx.mongo).read(attachment.fileId, attachment.sha256) }
}

/** Deletes the content of what is attached to a patient's records written by `until`; for when these are to be deleted. */
export async function deleteAttachmentFiles(mongo: Mongo, patientId: string, until: Date): Promise<void> {
  const files = attachmentFiles(mongo)
  for await (const fileId of listFileIds(mongo, patientId, until)) await files.remove(fileId)
}
