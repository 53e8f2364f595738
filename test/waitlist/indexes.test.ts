import { expect, test } from 'bun:test'
import { sql } from 'kysely'
import { findNextInLine, listWaitlistEntries } from '../../src/waitlist/queries'
import { createTestApp } from '../support/app'
import { scansOf } from '../support/query-plans'

const t = await createTestApp()
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const others = await Promise.all(
  ['Cardiology', 'Oncology', 'Urology'].map((specialization) => t.newDoctor({ clinicId: clinic.id, specialization })),
)
const [patient, waiting] = [await t.newPatient(), await t.newPatient()]
const freed = await t.newAppointment({ patient, doctor, startsAt: '2026-01-06T15:00:00Z', status: 'cancelled' })

await sql`
  insert into patients (id, name, date_of_birth)
  select gen_random_uuid(), 'Filler', '1990-01-01' from generate_series(1, 2000)`.execute(t.db)
/** Many entries for other doctors, many withdrawn entries, and a few entries for this doctor. */
await sql`
  insert into waitlist_entries
    (id, patient_id, doctor_id, specialization, starts_on, ends_on, status, offer_id, created_by, created_by_role, created_at)
  select gen_random_uuid(), patients[1 + n % array_length(patients, 1)],
    case when n % 2 = 0 then (array[${sql.join([...others.map(({ id }) => id), doctor.id])}]::uuid[])[case when n % 200 = 0 then 4 else 1 + n / 2 % 3 end] end,
    case when n % 2 = 1 then (array['Cardiology', 'Oncology', 'Urology'])[case when n % 200 = 1 then 1 else 2 + n / 2 % 2 end] end,
    '2026-01-01', '2026-02-01', case when n % 10 < 5 then 'withdrawn' else 'waiting' end, null,
    ${waiting.actor.userId}, 'patient', '2026-01-01'::timestamptz + n * interval '1 second'
  from generate_series(1, 20000) as n, (select array_agg(id) as patients from patients) as everybody`.execute(t.db)
await sql`analyze`.execute(t.db)

test('the next entry in line is found by the indexes of doctor and specialization', async () => {
  const time = { appointmentId: freed.id, was: 'booked', doctorId: doctor.id, clinicId: clinic.id } as const
  const scans = await scansOf(t, (db) =>
    findNextInLine(db, { ...time, startsAt: '2026-01-06T15:00:00Z', day: '2026-01-06' }, []),
  )
  expect(scans.waitlist_entries).toEqual(['waitlist_entries_of_doctor', 'waitlist_entries_of_specialization'])
})

test('a page of the waiting list is read in index order, for patients by their own index', async () => {
  const page = { limit: 21, after: { createdAt: t.clock.now(), id: crypto.randomUUID() } }
  const admin = await scansOf(t, async (db) => listWaitlistEntries(db, await t.newAdmin(), page))
  expect(admin.waitlist_entries).toEqual(['waitlist_entries_newest'])
  const own = await scansOf(t, (db) => listWaitlistEntries(db, patient.actor, page))
  expect(own.waitlist_entries).toEqual(['waitlist_entries_patient'])
})
