import type { Caller } from '../../src/actor'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import type { TestApp } from '../support/app'
import { form, MULTIPART, pdf } from './files'
import { note, pairsOf } from './pairs'

/** Helpers that create records, attach files and read the stored state. */
export function attachmentsOf(t: TestApp, clinic: { id: string }) {
  const newPair = pairsOf(t, clinic)
  const { db } = t.deps.mongo

  return {
    newPair,

    async newRecord() {
      const pair = await newPair()
      const { body } = await pair.asDoctor.post(`/patients/${pair.patient.id}/records`, note())
      const path = `/records/${body.id}/attachments`
      return {
        ...pair,
        id: body.id as string,
        path,
        attach: (content: Uint8Array = pdf(), { filename = 'scan.pdf', headers = {} } = {}) =>
          pair.asDoctor.post(path, form({ filename, content }), { headers: { ...MULTIPART, ...headers } }),
        attachments: async () => (await pair.asPatient.get(`/records/${body.id}`)).body.attachments,
      }
    },

    authorization: async (actor: Caller) => `Bearer ${await signAccessToken(t.deps.config, actor, t.deps.clock())}`,

    /** The number of stored files, chunks and unfinished uploads. */
    stored: async () => ({
      files: await db.collection('attachments.files').countDocuments(),
      chunks: await db.collection('attachments.chunks').countDocuments(),
      uploads: await db.collection('attachment_uploads').countDocuments(),
    }),

    eventsOf: (answer: { headers: Headers }) =>
      t
        .auditEvents()
        .select(['kind', 'action', 'outcome', 'patientIds', 'targetId', 'actorId', 'detail'])
        .where('requestId', '=', answer.headers.get('x-request-id'))
        .execute(),
  }
}
