import { lookUpEntry } from '../../database/clinical-writes/look-up'
import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { createRouter } from '../../http/operations/router'
import { ATTACHMENTS, type MedicalRecordDocument } from '../collections'
import { presentAttachment } from '../present'
import { contentDisposition } from './content-disposition'
import { FILE_TYPES, withSuffix } from './file-type'
import { READABLE_ATTACHMENT } from './replay'
import { Attachment, AttachmentContent, AttachmentPath, AttachmentUpload, MAX_FILE_BYTES } from './schemas'
import { composeAttachment, finishUpload, openAttachment, receiveAttachment } from './service'

const attachFileOperation = operation({
  method: 'post',
  path: '/records/{id}/attachments',
  tag: 'Records',
  operationId: 'attachFile',
  summary: 'Attach a file',
  description:
    'Adds a PDF, PNG or JPEG of at most 10 MiB to a record, sent in the field `file`. The type is detected from the content; the file name and the declared type are ignored. A record takes at most 100 attachments.',
  access: ['doctor'],
  who: 'doctors for records they wrote and for records of patients with whom they have a treatment relationship',
  audit: { kind: 'attachment.create', action: 'C' },
  params: AttachmentPath,
  upload: { field: 'file', maxBytes: MAX_FILE_BYTES, schema: AttachmentUpload },
  answer: { status: 201, description: 'The attachment', schema: Attachment, headers: ['Location'] },
  problems: ['invalid_state'],
})

const getAttachmentOperation = operation({
  method: 'get',
  path: '/attachments/{id}',
  tag: 'Records',
  operationId: 'getAttachment',
  summary: 'Download an attachment',
  description: 'Returns the file exactly as it was uploaded.',
  access: ['patient', 'doctor'],
  who: 'patients for themselves and their wards, doctors for patients with whom they have a treatment relationship, for records they wrote and for files they attached',
  audit: { kind: 'attachment.read', action: 'R' },
  params: AttachmentPath,
  answer: {
    status: 200,
    description: 'The file',
    schema: AttachmentContent,
    contentType: [...FILE_TYPES],
    headers: ['ETag'],
  },
})

export function attachmentRoutes(deps: Deps) {
  const { app, stream, clinicalUpload } = createRouter(deps)

  clinicalUpload(attachFileOperation, READABLE_ATTACHMENT, {
    lookUp: lookUpEntry(ATTACHMENTS, ({ detail }) => String(detail?.recordId)),
    beforeTransaction: (ctx, { params, file }) => receiveAttachment(ctx, params.id, file),
    contentOf: ({ filename, sha256 }) => `${filename}\n${sha256}`,
    plan: async (ctx, _input, fixed, received) => ({
      ...(await composeAttachment(ctx, received, fixed)),
      present: (record: MedicalRecordDocument) => {
        const attached = record.attachments!.find(({ id }) => id === fixed.id)!
        return answer(presentAttachment(record, attached), { location: `/attachments/${fixed.id}` })
      },
    }),
    afterWrite: finishUpload,
  })

  stream(getAttachmentOperation, async (ctx, { params: { id } }) => {
    const { record, attachment, content } = await openAttachment(ctx, id)
    const { contentType, filename, size, sha256 } = attachment
    return answer(content, {
      headers: {
        'Content-Type': contentType,
        'Content-Length': String(size),
        'Content-Disposition': contentDisposition(withSuffix(filename, contentType)),
        ETag: `"${sha256}"`,
      },
      audit: { patientIds: [record.patientId], targetId: id, detail: { recordId: record._id } },
    })
  })

  return app
}
