import { expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { countRoundTrips } from '../support/round-trips'

const READS = 60

const t = await createTestApp()
const wire = await countRoundTrips(t)
const clinic = await t.newClinic()
const doctors = [await t.newDoctor({ clinicId: clinic.id }), await t.newDoctor({ clinicId: clinic.id })]
const patients = await Promise.all([1, 2, 3].map(() => t.newPatient()))
const admin = await t.newAdmin()
const visits = await Promise.all(
  patients.flatMap((patient, i) =>
    doctors.map(async (doctor, j) => {
      const startsAt = `2026-01-06T${10 + i * 2 + j}:00:00-05:00`
      const { id } = await t.newAppointment({ patient, doctor, startsAt })
      return { id, readers: [patient.actor, doctor.actor, admin], patientId: patient.id }
    }),
  ),
)
const callers = [admin, ...patients.map(({ actor }) => actor), ...doctors.map(({ actor }) => actor)]

test('reads of the same moment share statements, each answered and audited as if it were alone', async () => {
  const reads = Array.from({ length: READS }, (_, n) => {
    const caller = callers[n % callers.length]!
    const visit = visits[Math.floor(n / callers.length) % visits.length]!
    return { caller, visit, requestId: `read-${n}`, seen: visit.readers.includes(caller) }
  })
  const read = ({ caller, visit, requestId }: (typeof reads)[number]) =>
    wire.as(caller).get(`/appointments/${visit.id}`, { headers: { 'x-request-id': requestId } })
  for (const caller of callers) await wire.as(caller).get(`/appointments/${visits[0]!.id}`)

  const { answer: answers, roundTrips } = await wire.measure(() => Promise.all(reads.map(read)))
  for (const [n, { visit, seen }] of reads.entries()) {
    expect(answers[n]!.status).toBe(seen ? 200 : 404)
    if (seen) expect(answers[n]!.body).toMatchObject({ id: visit.id, patient: { id: visit.patientId } })
  }
  expect(roundTrips).toBeLessThan(READS / 2)

  const events = await t.auditEvents().selectAll().where('requestId', 'like', 'read-%').execute()
  const expected = reads.map(({ caller, visit, requestId, seen }) => ({
    requestId,
    actorId: caller.userId,
    targetId: visit.id,
    kind: 'appointment.read',
    outcome: seen ? 'success' : 'denied',
    patientIds: seen ? [visit.patientId] : [],
  }))
  const byRequest = <T extends { requestId: string }>(rows: T[]) =>
    rows.toSorted((a, b) => (a.requestId < b.requestId ? -1 : 1))
  expect(byRequest(events)).toMatchObject(byRequest(expected))
})
