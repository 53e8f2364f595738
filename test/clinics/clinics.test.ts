import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()

describe('clinics', () => {
  test('an admin opens a clinic that anyone can then read', async () => {
    const created = await t.as(admin).post('/clinics', { name: 'Harbor', timeZone: 'Europe/Berlin', currency: 'EUR' })
    expect(created.status).toBe(201)
    expect(created.headers.get('location')).toBe(`/clinics/${created.body.id}`)
    const read = await t.anonymous.get(`/clinics/${created.body.id}`)
    expect(read.body).toEqual(created.body)
    expect(read.headers.get('etag')).toBe('"1"')
    const audit = await t.auditEvents().selectAll().where('targetId', '=', created.body.id).execute()
    expect(audit).toMatchObject([{ kind: 'clinic.create', action: 'C', outcome: 'success', actorId: admin.userId }])
  })

  test('creating a clinic twice with one idempotency key creates one clinic and replays the answer', async () => {
    const body = { name: 'Once', timeZone: 'Europe/Berlin', currency: 'EUR' }
    const options = { headers: { 'idempotency-key': 'open-once' } }
    const first = await t.as(admin).post('/clinics', body, options)
    const second = await t.as(admin).post('/clinics', body, options)
    expect(second.text).toBe(first.text)
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    const other = await t.as(admin).post('/clinics', { ...body, name: 'Twice' }, options)
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  })

  test('refuses a clinic with an unknown time zone or currency and names the fields', async () => {
    const answer = await t.as(admin).post('/clinics', { name: 'X', timeZone: 'Mars/Base', currency: 'ZZZ' })
    expect(answer.status).toBe(422)
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toEqual(['timeZone', 'currency'])
  })

  test('refuses to change an outdated version of a clinic', async () => {
    const { id } = await t.newClinic()
    const stale = { headers: { 'if-match': '"7"' } }
    expect(await t.as(admin).patch(`/clinics/${id}`, { name: 'New' }, stale)).toMatchObject({ status: 412 })
    expect(await t.as(admin).patch(`/clinics/${id}`, { name: 'New' })).toMatchObject({
      status: 200,
      body: { name: 'New' },
    })
  })

  test('pages of clinics follow each other without gaps or repeats', async () => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page = await t.anonymous.get('/clinics', { query: { limit: 1, ...(cursor && { cursor }) } })
      seen.push(...page.body.data.map(({ id }: { id: string }) => id))
      cursor = page.body.nextCursor
    } while (cursor)
    const all = await t.db.selectFrom('clinics').select('id').execute()
    expect(new Set(seen)).toEqual(new Set(all.map(({ id }) => id)))
    expect(seen.length).toBe(all.length)
  })
})
