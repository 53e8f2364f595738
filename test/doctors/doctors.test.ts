import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { createTestApp, NOW, type TestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const patient = await t.newPatient()

const newDoctor = (options: Partial<Parameters<TestApp['newDoctor']>[0]> = {}) =>
  t.newDoctor({ clinicId: clinic.id, ...options })

const idsOf = (page: { body: { data: { id: string }[] } }) => page.body.data.map(({ id }) => id)

const auditOf = (targetId: string) =>
  t.auditEvents().select(['kind', 'action', 'actorId']).where('targetId', '=', targetId).execute()

async function statementsOf(run: () => Promise<unknown>): Promise<number> {
  let count = 0
  const acquired = () => count++
  t.deps.postgres.pool.on('acquire', acquired)
  await run()
  t.deps.postgres.pool.off('acquire', acquired)
  return count
}

describe('finding doctors', () => {
  test('a doctor is listed with clinics and active visit types', async () => {
    const doctor = await newDoctor({ specialization: 'Nephrology' })
    await t.db
      .insertInto('visitTypes')
      .values({
        id: newId(),
        doctorId: doctor.id,
        name: 'Withdrawn',
        durationMinutes: 30,
        slotIntervalMinutes: 30,
        priceAmount: 1,
        priceCurrency: 'USD',
        active: false,
      })
      .execute()
    const page = await t.anonymous.get('/doctors', { query: { specialization: 'nePHROlogy' } })
    expect(page.body).toEqual({
      data: [
        {
          id: doctor.id,
          name: doctor.name,
          specialization: 'Nephrology',
          bio: null,
          verified: true,
          clinics: [{ id: clinic.id, name: expect.any(String), timeZone: 'America/New_York' }],
          visitTypes: [
            {
              id: doctor.visitTypeId,
              name: 'Consultation',
              durationMinutes: 30,
              slotIntervalMinutes: 30,
              bufferBeforeMinutes: 0,
              bufferAfterMinutes: 0,
              mode: 'in_person',
              price: { amount: 9500, currency: 'USD' },
              minimumNoticeMinutes: 0,
              horizonDays: 90,
              cancellationPolicy: { freeUntilMinutes: 1440, lateRefundPercent: 0 },
              requiresRoom: false,
              requiresPrepayment: false,
              active: true,
            },
          ],
        },
      ],
      nextCursor: null,
    })
    expect(await t.anonymous.get(`/doctors/${doctor.id}`)).toMatchObject({ status: 200, body: page.body.data[0] })
  })

  test('doctors can be filtered by specialization, clinic and name, and no match is an empty list', async () => {
    const elsewhere = await t.newClinic()
    const here = await newDoctor({ specialization: 'Urology' })
    const there = await newDoctor({ specialization: 'Urology', clinicId: elsewhere.id })
    await t.db.updateTable('doctors').set({ name: 'Zoë 100%_Quinn' }).where('id', '=', there.id).execute()
    const find = async (query: Record<string, string>) => idsOf(await t.anonymous.get('/doctors', { query }))
    expect(new Set(await find({ specialization: 'urology' }))).toEqual(new Set([here.id, there.id]))
    expect(await find({ specialization: 'urology', clinicId: elsewhere.id })).toEqual([there.id])
    expect(await find({ specialization: 'urology', q: 'zoË 100%_q' })).toEqual([there.id])
    expect(await find({ q: '%' })).toEqual([there.id])
    expect(await find({ specialization: 'urolog' })).toEqual([])
    expect(await find({ clinicId: newId() })).toEqual([])
  })

  test('pages of doctors are ordered by name, then id, without gaps or repeats, and take one statement each', async () => {
    const own = await t.newClinic()
    const made = []
    for (let i = 0; i < 5; i++) made.push(await newDoctor({ clinicId: own.id }))
    const same = made.slice(0, 3).map(({ id }) => id)
    for (const id of same.reverse())
      await t.db.updateTable('doctors').set({ name: 'Same Name' }).where('id', '=', id).execute()
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query: Record<string, string | number> = { clinicId: own.id, limit: 2, ...(cursor && { cursor }) }
      const [statements, page] = await counted(query)
      expect(statements).toBe(1)
      seen.push(...idsOf(page))
      cursor = page.body.nextCursor
    } while (cursor)
    const stored = await t.db
      .selectFrom('doctors')
      .innerJoin('doctorClinics', 'doctorClinics.doctorId', 'doctors.id')
      .select('id')
      .where('clinicId', '=', own.id)
      .orderBy('name')
      .orderBy('id')
      .execute()
    expect(seen).toEqual(stored.map(({ id }) => id))
    expect(seen).toHaveLength(5)

    async function counted(query: Record<string, string | number>) {
      let page: Awaited<ReturnType<typeof t.anonymous.get>> | undefined
      const statements = await statementsOf(async () => {
        page = await t.anonymous.get('/doctors', { query })
      })
      return [statements, page!] as const
    }
  })

  test('refuses an invalid cursor of doctors and names the parameter', async () => {
    const answer = await t.anonymous.get('/doctors', { query: { cursor: 'bm9uc2Vuc2U' } })
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: 'query.cursor' }] } })
  })

  test('doctors are listed with their next slot on request, for all in one more statement, and null if there is none', async () => {
    const free = await newDoctor({ specialization: 'Dermatology' })
    const never = await newDoctor({ specialization: 'Dermatology', weekly: [] })
    const query = { specialization: 'Dermatology', include: 'nextSlot' }
    const page = await t.anonymous.get('/doctors', { query })
    const slots = new Map(
      page.body.data.map((doctor: { id: string; nextSlot: unknown }) => [doctor.id, doctor.nextSlot]),
    )
    expect(slots.get(never.id)).toBeNull()
    expect(slots.get(free.id)).toMatchObject({ doctorId: free.id, startsAt: '2026-01-05T14:00:00Z' })
    expect(await statementsOf(() => t.anonymous.get('/doctors', { query }))).toBe(2)
    const plain = await t.anonymous.get('/doctors', { query: { specialization: 'Dermatology' } })
    expect(plain.body.data[0]).not.toHaveProperty('nextSlot')
  })

  test('specializations count verified doctors and ignore case', async () => {
    await newDoctor({ specialization: 'Sleep Medicine' })
    await newDoctor({ specialization: 'Sleep Medicine' })
    await newDoctor({ specialization: 'sleep medicine' })
    await newDoctor({ specialization: 'Sleep Medicine', verified: false })
    await newDoctor({ specialization: 'Unproven', verified: false })
    const { status, body } = await t.anonymous.get('/specializations')
    expect(status).toBe(200)
    expect(body).toContainEqual({ name: 'Sleep Medicine', doctors: 3 })
    const names = body.map(({ name }: { name: string }) => name.toLowerCase())
    expect(names).not.toContain('unproven')
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('verification', () => {
  test('only admins and the doctor can see an unverified doctor', async () => {
    const doctor = await newDoctor({ specialization: 'Hidden', verified: false })
    const other = await newDoctor()
    const paths = [
      `/doctors/${doctor.id}`,
      `/doctors/${doctor.id}/visit-types`,
      `/doctors/${doctor.id}/visit-types/${doctor.visitTypeId}`,
    ]
    for (const path of paths) {
      for (const client of [t.anonymous, t.as(patient.actor), t.as(other.actor)])
        expect(await client.get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } })
      for (const client of [t.as(doctor.actor), t.as(admin)]) expect((await client.get(path)).status).toBe(200)
    }
    const hours = `/doctors/${doctor.id}/availability`
    expect((await t.as(patient.actor).get(hours)).status).toBe(404)
    expect((await t.as(doctor.actor).get(hours)).status).toBe(200)

    const missing = await t.anonymous.get(`/doctors/${newId()}`)
    const hidden = await t.anonymous.get(`/doctors/${doctor.id}`)
    const { requestId: _a, ...missingBody } = missing.body
    const { requestId: _b, ...hiddenBody } = hidden.body
    expect(hiddenBody).toEqual(missingBody)
  })

  test('unverified doctors are listed to admins, and the list is empty for others', async () => {
    const doctor = await newDoctor({ specialization: 'Waiting', verified: false })
    const find = (client: typeof t.anonymous, status?: string) =>
      client.get('/doctors', { query: { specialization: 'Waiting', ...(status && { status }) } })
    expect(idsOf(await find(t.as(admin), 'pending'))).toEqual([doctor.id])
    expect(idsOf(await find(t.as(admin)))).toEqual([])
    for (const client of [t.anonymous, t.as(patient.actor), t.as(doctor.actor)])
      expect((await find(client, 'pending')).body).toEqual({ data: [], nextCursor: null })
  })

  test('verifying a doctor sets the given clinics, or keeps the present ones', async () => {
    const doctor = await newDoctor({ verified: false })
    const [first, second] = [await t.newClinic(), await t.newClinic()]
    const moved = await t.as(admin).put(`/doctors/${doctor.id}/verify`, { clinicIds: [first.id, second.id, first.id] })
    expect(moved).toMatchObject({ status: 200, body: { id: doctor.id, verified: true } })
    expect(moved.body.clinics.map(({ id }: { id: string }) => id).sort()).toEqual([first.id, second.id].sort())
    const stored = await t.db
      .selectFrom('doctors')
      .select(['verifiedAt', 'version'])
      .where('id', '=', doctor.id)
      .executeTakeFirstOrThrow()
    expect(stored).toEqual({ verifiedAt: NOW, version: 2 })
    expect((await t.anonymous.get(`/doctors/${doctor.id}`)).status).toBe(200)

    const withdrawn = await t.as(admin).put(`/doctors/${doctor.id}/unverify`)
    expect(withdrawn).toMatchObject({ status: 200, body: { verified: false, clinics: moved.body.clinics } })
    expect((await t.anonymous.get(`/doctors/${doctor.id}`)).status).toBe(404)

    const again = await t.as(admin).put(`/doctors/${doctor.id}/verify`)
    expect(again).toMatchObject({ status: 200, body: { verified: true, clinics: moved.body.clinics } })
    expect(await auditOf(doctor.id)).toEqual([
      { kind: 'doctor.verify', action: 'U', actorId: admin.userId },
      { kind: 'doctor.unverify', action: 'U', actorId: admin.userId },
      { kind: 'doctor.verify', action: 'U', actorId: admin.userId },
    ])
  })

  test('verifying a doctor with an unknown clinic is refused by field and changes nothing', async () => {
    const doctor = await newDoctor({ verified: false })
    const answer = await t.as(admin).put(`/doctors/${doctor.id}/verify`, { clinicIds: [clinic.id, newId()] })
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: 'clinicIds.1' }] } })
    expect((await t.as(admin).get(`/doctors/${doctor.id}`)).body.verified).toBe(false)
  })

  test('only admins may verify and unverify a doctor', async () => {
    const doctor = await newDoctor({ verified: false })
    for (const action of ['verify', 'unverify']) {
      const path = `/doctors/${doctor.id}/${action}`
      expect((await t.anonymous.put(path)).status).toBe(401)
      expect((await t.as(doctor.actor).put(path)).status).toBe(403)
      expect((await t.as(patient.actor).put(path)).status).toBe(403)
      expect((await t.as(admin).put(`/doctors/${newId()}/${action}`)).status).toBe(404)
      const stale = await t.as(admin).put(path, undefined, { headers: { 'if-match': '"9"' } })
      expect(stale).toMatchObject({ status: 412, body: { code: 'version_mismatch' } })
    }
  })

  test('everybody can see an unverified doctor if verification is off', async () => {
    const open = await createTestApp({ DOCTOR_VERIFICATION: 'off' })
    const { id } = await open.newClinic()
    const doctor = await open.newDoctor({ clinicId: id, verified: false, specialization: 'Open' })
    expect(idsOf(await open.anonymous.get('/doctors'))).toEqual([doctor.id])
    expect((await open.anonymous.get(`/doctors/${doctor.id}`)).body.verified).toBe(false)
    expect((await open.anonymous.get(`/doctors/${doctor.id}/visit-types`)).status).toBe(200)
    expect((await open.anonymous.get('/specializations')).body).toEqual([{ name: 'Open', doctors: 1 }])
  })
})

describe('changing a doctor', () => {
  test('a doctor may change their own profile, and the account takes the new name', async () => {
    const doctor = await newDoctor()
    const before = await t.as(doctor.actor).get(`/doctors/${doctor.id}`)
    expect(before.headers.get('etag')).toBe('"1"')
    const changes = { name: 'Dr. Renamed', specialization: 'Geriatrics', bio: 'Forty years.' }
    const changed = await t.as(doctor.actor).patch(`/doctors/${doctor.id}`, changes, { headers: { 'if-match': '"1"' } })
    expect(changed).toMatchObject({ status: 200, body: changes })
    expect(changed.headers.get('etag')).toBe('"2"')
    const user = await t.db
      .selectFrom('users')
      .select('name')
      .where('id', '=', doctor.actor.userId)
      .executeTakeFirstOrThrow()
    expect(user.name).toBe('Dr. Renamed')
    expect(await auditOf(doctor.id)).toEqual([{ kind: 'doctor.update', action: 'U', actorId: doctor.actor.userId }])
    const cleared = await t.as(doctor.actor).patch(`/doctors/${doctor.id}`, { bio: null })
    expect(cleared.body).toMatchObject({ name: 'Dr. Renamed', bio: null })
  })

  test('refuses to change an outdated version of a doctor', async () => {
    const doctor = await newDoctor()
    const stale = { headers: { 'if-match': '"4"' } }
    const answer = await t.as(doctor.actor).patch(`/doctors/${doctor.id}`, { name: 'Never' }, stale)
    expect(answer).toMatchObject({ status: 412, body: { code: 'version_mismatch' } })
    expect((await t.anonymous.get(`/doctors/${doctor.id}`)).body.name).toBe(doctor.name)
  })

  test('changing another doctor answers 404, and a patient gets 403', async () => {
    const [doctor, other] = [await newDoctor(), await newDoctor()]
    const path = `/doctors/${doctor.id}`
    expect((await t.as(other.actor).patch(path, { bio: 'Mine.' })).status).toBe(404)
    expect((await t.as(patient.actor).patch(path, { bio: 'Mine.' })).status).toBe(403)
    expect((await t.anonymous.patch(path, { bio: 'Mine.' })).status).toBe(401)
    expect((await t.as(admin).patch(path, { bio: 'Edited.' })).body.bio).toBe('Edited.')
    expect((await t.as(admin).patch(`/doctors/${newId()}`, { bio: 'Nobody.' })).status).toBe(404)
  })

  test('only the doctor and admins see the licence number, and only admins change it after verification', async () => {
    const doctor = await newDoctor({ verified: false })
    const path = `/doctors/${doctor.id}`
    const set = (client: typeof t.anonymous, licenseNumber: string) => client.patch(path, { licenseNumber })
    expect(await set(t.as(doctor.actor), 'NY-1')).toMatchObject({ status: 200, body: { licenseNumber: 'NY-1' } })
    await t.as(admin).put(`${path}/verify`)
    expect(await set(t.as(doctor.actor), 'NY-2')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await set(t.as(admin), 'NY-3')).toMatchObject({ status: 200, body: { licenseNumber: 'NY-3' } })
    for (const client of [t.anonymous, t.as(patient.actor)])
      expect((await client.get(path)).body).not.toHaveProperty('licenseNumber')
    const own = await t.as(doctor.actor).get(path)
    expect(own.body.licenseNumber).toBe('NY-3')
    expect(own.headers.get('cache-control')).toBe('no-store')
  })

  test('a doctor id in capitals is the same id', async () => {
    const doctor = await newDoctor()
    const answer = await t.as(doctor.actor).patch(`/doctors/${doctor.id.toUpperCase()}`, { bio: 'Loud.' })
    expect(answer).toMatchObject({ status: 200, body: { id: doctor.id, bio: 'Loud.' } })
  })
})
