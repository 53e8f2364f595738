import { afterEach, describe, expect, test } from 'bun:test'
import { BSON } from 'mongodb'
import { prescriptions } from '../../src/records/collections'
import { createTestApp, NOW } from '../support/app'
import { medicine, pairsOf } from './pairs'

const t = await createTestApp()
const clinic = await t.newClinic()
const newPair = pairsOf(t, clinic)

afterEach(() => t.clock.set(NOW))

/** A prescription for a week, written on 5 January. */
async function newPrescription() {
  const pair = await newPair()
  const list = `/patients/${pair.patient.id}/prescriptions`
  const { body } = await pair.asDoctor.post(list, { medicines: [{ ...medicine, durationDays: 7 }] })
  const path = `/prescriptions/${body.id}`
  return {
    ...pair,
    id: body.id as string,
    path,
    stop: (data?: unknown, options = {}) => pair.asDoctor.put(`${path}/stop`, data, options),
    renew: (data?: unknown, options = {}) => pair.asDoctor.put(`${path}/renew`, data, options),
    read: async () => (await pair.asPatient.get(path)).body,
    activeOn: async (activeOn: string) =>
      (await pair.asPatient.get(list, { query: { activeOn } })).body.data.length === 1,
    stored: () => prescriptions(t.deps.mongo).findOne({ _id: body.id }),
  }
}

const eventsOf = (answer: { headers: Headers }) =>
  t
    .auditEvents()
    .select(['kind', 'action', 'outcome', 'patientIds', 'targetId', 'detail'])
    .where('requestId', '=', answer.headers.get('x-request-id'))
    .execute()

describe('a prescription', () => {
  test('a prescription is stopped and renewed by events that leave its content unchanged', async () => {
    const { stop, renew, read, stored } = await newPrescription()
    const { events: _, ...before } = (await stored())!
    t.clock.set('2026-01-07T10:00:00Z')
    const stopped = await stop({ reason: 'Dry cough' })
    expect(stopped).toMatchObject({ status: 200, body: { status: 'stopped', activeUntil: null } })
    t.clock.set('2026-01-09T10:00:00Z')
    const renewed = await renew({ reason: 'Cough has gone', until: '2026-01-31' })
    expect(renewed).toMatchObject({ status: 200, body: { status: 'active', activeUntil: '2026-01-31' } })
    expect(renewed.body).toEqual(await read())
    const [first, second] = renewed.body.events
    expect([first, second]).toEqual([
      { id: first.id, kind: 'stopped', at: '2026-01-07T10:00:00Z', reason: 'Dry cough' },
      { id: second.id, kind: 'renewed', at: '2026-01-09T10:00:00Z', reason: 'Cough has gone', until: '2026-01-31' },
    ])
    const { events: __, ...after } = (await stored())!
    expect(BSON.serialize(after)).toEqual(BSON.serialize(before))
  })

  test('a prescription shows for each day whether it was active on that day', async () => {
    const { stop, renew, activeOn } = await newPrescription()
    t.clock.set('2026-01-07T10:00:00Z')
    await stop()
    t.clock.set('2026-01-09T10:00:00Z')
    await renew()
    const days = ['04', '05', '06', '07', '08', '09', '15', '16'].map((day) => `2026-01-${day}`)
    const active = await Promise.all(days.map(activeOn))
    expect(days.filter((_, i) => active[i])).toEqual(['2026-01-05', '2026-01-06', '2026-01-09', '2026-01-15'])
  })

  test('a prescription ends after its last day without an event', async () => {
    const { read } = await newPrescription()
    expect(await read()).toMatchObject({ status: 'active', activeUntil: '2026-01-11' })
    t.clock.set('2026-01-11T23:59:59Z')
    expect((await read()).status).toBe('active')
    t.clock.set('2026-01-12T00:00:00Z')
    expect(await read()).toMatchObject({ status: 'ended', activeUntil: '2026-01-11', events: [] })
  })

  test('a stopped prescription cannot be stopped again, but a replay returns the same answer', async () => {
    const { stop, renew } = await newPrescription()
    const options = { headers: { 'idempotency-key': crypto.randomUUID() } }
    const first = await stop({ reason: 'x' }, options)
    expect((await stop({ reason: 'x' }, options)).text).toBe(first.text)
    expect(await stop({ reason: 'y' })).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect((await renew()).status).toBe(200)
    expect((await stop()).body.events).toHaveLength(3)
  })

  test('one of many concurrent stops of a prescription succeeds', async () => {
    const { stop, read } = await newPrescription()
    const answers = await Promise.all(Array.from({ length: 8 }, () => stop()))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array(7).fill(409)])
    expect((await read()).events).toHaveLength(1)
  })

  test('a stop of a prescription can carry a reason and data', async () => {
    const { stop, read } = await newPrescription()
    expect((await stop({ reason: 'Rash', data: { severity: 'mild' } })).status).toBe(200)
    expect((await read()).events).toMatchObject([{ reason: 'Rash', data: { severity: 'mild' } }])
  })

  test.each([
    ['stop', { until: '2026-02-01' }, 'until'],
    ['stop', { reason: '' }, 'reason'],
    ['renew', { until: '2026-01-04' }, 'until'],
    ['renew', { until: '2036-02-01' }, 'until'],
    ['renew', { until: '2026-02-30' }, 'until'],
    ['renew', { data: { $inc: 1 } }, 'data.$inc'],
  ])('refuses to %s a prescription with %j', async (verb, body, path) => {
    const prescription = await newPrescription()
    const answer = await prescription.asDoctor.put(`${prescription.path}/${verb}`, body)
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path }] } })
    expect((await prescription.stored())!.events).toEqual([])
  })

  test.each(['stop', 'renew'])('a %s of a prescription is audited without the reason', async (verb) => {
    const { id, patient, asDoctor, path } = await newPrescription()
    const answer = await asDoctor.put(`${path}/${verb}`, { reason: 'CANARY' })
    const detail = { eventId: answer.body.events[0].id }
    const patientIds = [patient.id]
    expect(await eventsOf(answer)).toEqual([
      { kind: `prescription.${verb}`, action: 'U', outcome: 'success', patientIds, targetId: id, detail },
    ])
    expect(JSON.stringify(await t.auditEvents().selectAll().execute())).not.toContain('CANARY')
  })

  test('only the author can stop and renew a prescription, even after the treatment relationship has ended', async () => {
    const { patient, appointment, asPatient, path, stop, renew } = await newPrescription()
    const colleague = await t.newDoctor({ clinicId: clinic.id })
    await t.newAppointment({ patient, doctor: colleague, startsAt: new Date('2026-01-08T15:00:00Z') })
    const stranger = await newPair()
    expect((await t.as(colleague.actor).get(path)).status).toBe(200)
    for (const verb of ['stop', 'renew']) {
      for (const client of [t.as(colleague.actor), stranger.asDoctor])
        expect((await client.put(`${path}/${verb}`)).status).toBe(404)
      for (const client of [asPatient, t.as(await t.newAdmin())])
        expect((await client.put(`${path}/${verb}`)).status).toBe(403)
    }
    await t.db.updateTable('appointments').set({ status: 'cancelled' }).where('id', '=', appointment.id).execute()
    expect([(await stop()).status, (await renew()).status]).toEqual([200, 200])
  })
})

describe('active prescriptions of a patient', () => {
  test('active prescriptions are paged and can be filtered by doctor and time', async () => {
    const { doctor, patient, asDoctor, asPatient } = await newPair()
    const list = `/patients/${patient.id}/prescriptions`
    const prescribe = async (name: string, durationDays: number) =>
      (await asDoctor.post(list, { medicines: [{ ...medicine, name, durationDays }] })).body.id
    for (let i = 0; i < 9; i++) {
      t.clock.advance(60_000)
      await prescribe(`M${i}`, i % 3 === 0 ? 1 : 30)
    }
    const names = async (query: Record<string, string | number>) => {
      const found: string[] = []
      let cursor: string | null = null
      do {
        const { body } = await asPatient.get(list, { query: { ...query, ...(cursor && { cursor }) } })
        found.push(...body.data.map(({ medicines }: { medicines: { name: string }[] }) => medicines[0]!.name))
        cursor = body.nextCursor
      } while (cursor)
      return found
    }
    const later = { activeOn: '2026-01-20' }
    for (const limit of [1, 2, 3, 6, 100])
      expect(await names({ ...later, limit })).toEqual(['M8', 'M7', 'M5', 'M4', 'M2', 'M1'])
    expect(await names({ activeOn: '2026-01-05' })).toHaveLength(9)
    expect(await names({ ...later, to: '2026-01-05T12:05:00Z' })).toEqual(['M4', 'M2', 'M1'])
    expect(await names({ ...later, doctorId: doctor.id })).toHaveLength(6)
    expect(await names({ ...later, doctorId: crypto.randomUUID() })).toEqual([])
    expect((await asPatient.get(list, { query: { activeOn: '2026-02-30' } })).status).toBe(422)
  })
})
