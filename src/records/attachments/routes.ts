import { lookUpEntry } from '../../database/clinical-writes/look-up'
import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { createRouter } from '../../http/operations/router'
import { ATTACHMENTS, type MedicalRecordDocument } from '../collections'
import { presentAttachment } from '../present'
import { contentDisposition } from './content-disposition'
import { FILE_TYPES, withSuffix } from './file-type'
import { Attachment, AttachmentContent, AttachmentPath, AttachmentUpload, MAX_FILE_BYTES } from './schemas'
import { composeAttachment, finishUpload, openAttachment, receiveAttachment } from './service'

const attachFileOperation = operation({
  method: 'post',
  path: '/records/{id}/attachments',
  tag: 'Records',
  operationId: 'attachFile',
  summary: 'Attach a file to a record',
  description:
    'One PDF, PNG or JPEG of at most 10 MiB, in the field `file`; what it is shows its content, neither its name nor its declared type. A record takes at most 100.',
  access: ['doctor'],
  who: 'doctors for records they wrote and those of the patients related to them',
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
  description: 'The file as it was attached, byte for byte.',
  access: ['patient', 'doctor'],
  who: 'patients for themselves and those they are guardians of, doctors for the patients related to them and for what they wrote or attached themselves',
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

  clinicalUpload(attachFileOperation, {
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
