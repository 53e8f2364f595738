import { z } from '@hono/zod-openapi'
import { Instant, Uuid } from '../../http/schemas'
import { Author, exampleEnvelope } from '../envelope-schema'
import { FILE_TYPES } from './file-type'

export const MAX_FILE_BYTES = 10 * 1024 * 1024

export const Attachment = z
  .object({
    id: Uuid,
    recordId: Uuid,
    patientId: Uuid,
    filename: z.string().max(400),
    contentType: z.enum(FILE_TYPES).openapi({ description: 'Detected from the content.' }),
    size: z.int().min(1).max(MAX_FILE_BYTES).openapi({ description: 'Size in bytes.' }),
    sha256: z.string().length(64).openapi({ description: 'SHA-256 of the content, in hexadecimal; also its ETag.' }),
    doctor: Author,
    createdAt: Instant,
  })
  .openapi('Attachment', {
    example: {
      id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e50',
      recordId: exampleEnvelope.id,
      patientId: exampleEnvelope.patientId,
      filename: 'ECG 2026-03-02.pdf',
      contentType: 'application/pdf',
      size: 183_442,
      sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      doctor: exampleEnvelope.doctor,
      createdAt: '2026-03-02T14:40:00Z',
    },
  })
export type Attachment = z.infer<typeof Attachment>

export const AttachmentUpload = z
  .strictObject({ file: z.string().max(MAX_FILE_BYTES).openapi({ format: 'binary' }) })
  .openapi('AttachmentUpload', { example: { file: '%PDF-1.7 …' } })

/** The bytes of the file. */
export const AttachmentContent = z
  .string()
  .max(MAX_FILE_BYTES)
  .openapi('AttachmentContent', { format: 'binary', example: '%PDF-1.7 …' })

export const AttachmentPath = z.strictObject({ id: Uuid })
