import { beforeAll, describe, expect, test } from 'bun:test'
import { type Kysely, sql } from 'kysely'
import type { Caller } from '../../src/actor'
import { type AppointmentFilters, listAppointmentRows } from '../../src/appointments/queries'
import type { Database } from '../../src/database/schema'
import { findBookingFacts, findBusyRanges, findFacts } from '../../src/scheduling/queries'
import { searchAround } from '../../src/scheduling/query-fragments'
import { createTestApp, NOW } from '../support/app'
import { openCopy } from '../support/copies'
import { scansOf } from '../support/query-plans'
import { until } from '../support/until'

const APPOINTMENTS = process.env.TEST_SCALE === 'full' ? 100_000 : 10_000
const DOCTORS = APPOINTMENTS / 500
const PATIENTS = APPOINTMENTS / 10

const t = await createTestApp()
const admin = await t.newAdmin()
const clinics = [await t.newClinic(), await t.newClinic(), await t.newClinic()]
const doctor = await t.newDoctor({ clinicId: clinics[0]!.id })
const patient = await t.newPatient()

/** Every doctor has 500 half-hour visits, ten a day; every patient has ten; half of the visits have a pending payment. */
const FILLING = [
  sql`set local statement_timeout = '100s'`,
  sql`
    insert into doctors (id, name, specialization, license_number, verified_at)
    select gen_random_uuid(), 'Filler', 'Cardiology', 'L', ${NOW} from generate_series(2, ${DOCTORS})`,
  sql`
    insert into visit_types (id, doctor_id, name, duration_minutes, slot_interval_minutes, price_amount, price_currency)
    select gen_random_uuid(), id, 'Visit', 30, 30, 100, 'USD' from doctors where id <> ${doctor.id}`,
  sql`
    insert into patients (id, name, date_of_birth)
    select gen_random_uuid(), 'Filler', '1990-01-01' from generate_series(2, ${PATIENTS})`,
  sql`
    with visit as (
      select doctor_id, id as visit_type_id, (row_number() over () - 1) % ${PATIENTS}::int as nth_patient,
        (${clinics.map(({ id }) => id)}::uuid[])[1 + i % 3] as clinic_id,
        ${NOW}::timestamptz + (i / 10) * interval '1 day' + (i % 10) * interval '45 minutes' as starts_at
      from visit_types cross join generate_series(0, 499) i
    ), patient as (
      select id, row_number() over () - 1 as nth from patients
    ), made as (
      insert into appointments (id, patient_id, doctor_id, clinic_id, visit_type_id, starts_at, ends_at, date, status,
        created_by, created_by_role, time_zone, mode, price_amount, price_currency, cancellation_free_until_minutes,
        cancellation_late_refund_percent, buffer_before_minutes, buffer_after_minutes)
      select gen_random_uuid(), patient.id, doctor_id, clinic_id, visit_type_id, starts_at,
        starts_at + interval '30 minutes', starts_at::date, 'booked', ${admin.userId}, 'admin', 'America/New_York',
        'in_person', 100, 'USD', 0, 0, 0, 0
      from visit join patient on nth = nth_patient
      order by random()
      returning id, doctor_id, starts_at, ends_at
    ), taken as (
      insert into occupancy (appointment_id, kind, resource_id, during)
      select id, 'doctor', doctor_id, tstzrange(starts_at, ends_at) from made
    )
    insert into payments (id, appointment_id, amount, currency, method, provider, status, created_by)
    select gen_random_uuid(), id, 100, 'USD', 'cash', 'desk', 'pending', ${admin.userId} from made
    where id < '80000000-0000-0000-0000-000000000000'`,
]

beforeAll(async () => {
  await t.db.transaction().execute(async (db) => {
    for (const statement of FILLING) await statement.execute(db)
  })
  // Until most pages are marked as visible to all, an index-only scan looks no cheaper than an index scan. A statement of
  // another connection can keep a vacuum from marking them, and so can deleted rows that it leaves in the indexes.
  await until(async () => {
    await sql`vacuum (analyze, index_cleanup on)`.execute(t.db)
    const { rows } = await sql`
      select from pg_class where relname in ('appointments', 'occupancy') and relallvisible < 0.9 * relpages`.execute(
      t.db,
    )
    return rows.length === 0
  })
}, 120_000)

const list = (actor: Caller, filters: AppointmentFilters) => (db: Kysely<Database>) =>
  listAppointmentRows(db, actor, filters, { order: 'asc', limit: 21 }, { startsAt: NOW, id: doctor.id })

describe(`indexes with ${APPOINTMENTS} appointments`, () => {
  test('the database for the index tests has as many appointments as configured', async () => {
    const { count } = await t.db
      .selectFrom('appointments')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    expect(count).toBe(APPOINTMENTS)
  })

  test.each([
    ['a patient’s own appointments', list(patient.actor, {}), 'appointments_patient'],
    ['a patient’s appointments for an admin', list(admin, { patientId: patient.id }), 'appointments_patient'],
    ['a doctor’s appointments', list(doctor.actor, {}), 'appointments_doctor'],
    ['a clinic’s appointments', list(admin, { clinicId: clinics[0]!.id }), 'appointments_clinic'],
    ['all appointments', list(admin, {}), 'appointments_start'],
    [
      'a doctor’s appointments of one day',
      list(doctor.actor, { from: '2026-01-20', to: '2026-01-20' }),
      'appointments_date_doctor',
    ],
  ])('the list of %s reads one index of appointments and one of payments', async (_title, run, index) => {
    const scans = await scansOf(t, run)
    expect(scans.appointments).toEqual([index])
    expect(scans.payments).toEqual(['payments_appointment'])
  })

  test('a slot search reads occupancy only from the index of the exclusion constraint', async () => {
    const search = searchAround({ now: NOW }, [NOW.getTime(), NOW.getTime() + 31 * 86_400_000], {
      patientId: patient.id,
    })
    const scans = await scansOf(t, (db) => findFacts(db, { ...search, doctorId: doctor.id }))
    expect(scans.occupancy).toEqual(['occupancy_no_overlap only'])
    for (const needsRoom of [false, true]) {
      const known = await scansOf(t, (db) => findBusyRanges(db, [{ ...search, doctorId: doctor.id, needsRoom }]))
      expect(known.occupancy).toEqual(['occupancy_no_overlap only'])
    }
  })

  test.each([
    ['with cached facts', {}, 'select (%calendar_version%from occupancy%'],
    ['of days far ahead', { from: '2027-01-01', to: '2027-01-07' }, 'with%from occupancy%'],
  ])(
    'a slot search %s is planned once and reused, since planning takes longer than running',
    async (_, query, like) => {
      const { anonymous, deps } = openCopy(t, { POSTGRESQL_POOL_SIZE: '2' })
      for (let i = 0; i < 8; i++) await anonymous.get(`/doctors/${doctor.id}/slots`, { query })
      const { rows } = await sql<{ planned: number; kept: number }>`
        select custom_plans as planned, generic_plans as kept from pg_prepared_statements
        where statement like ${like} and generic_plans > 0`.execute(deps.db)
      expect(rows).toEqual([{ planned: 5, kept: expect.any(Number) }])
    },
  )

  test('a booking reads the large tables by index, also to check the treatment relationship', async () => {
    const search = searchAround({ now: NOW }, [NOW.getTime(), NOW.getTime()], { patientId: patient.id })
    const scans = await scansOf(t, (db) =>
      // EXPLAIN does not run the statement, so no transaction is needed.
      findBookingFacts(
        db as Parameters<typeof findBookingFacts>[0],
        { actor: doctor.actor, now: NOW, config: t.deps.config },
        { ...search, doctorId: doctor.id },
      ),
    )
    expect(scans.occupancy?.toSorted()).toEqual(['occupancy_lapsing', 'occupancy_no_overlap only'])
    expect(scans.appointments).toContain('appointments_held_patient')
    expect(scans.appointments).toContain('appointments_patient')
    expect(scans.appointments).not.toContain('seq scan')
    expect(scans.patients).toEqual(['patients_pkey'])
  })
})
