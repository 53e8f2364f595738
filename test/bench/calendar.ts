import pg from 'pg'
import { newId } from '../../src/database/ids'
import type { Databases } from '../support/databases'

const DOCTORS_PER_CLINIC = 100
/** After these days nothing is booked. */
export const AHEAD_DAYS = 40
/** Visits of one doctor on one day; 16 would fit. */
const VISITS_A_DAY = 4
const WORKDAYS = 6 / 7
/** So many patients that none reaches the limit of visits to come in a benchmark. */
const MOST_VISITS = 5000

export type Calendar = {
  appointments: number
  doctors: { id: string; clinicId: string; specialization: string }[]
  /** Each visit has a different patient. */
  visits: { id: string; doctorId: string; patientId: string; patientUserId: string; patientEmail: string }[]
}

/**
 * Doctors who work Monday to Saturday from 9 to 17, New York time, with a quarter of their half hours booked for the
 * next 40 days, and with enough past visits to make `rows` appointments. So a search of the next days finds the same
 * for every value of `rows`. Patients have accounts, so that each can sign in.
 */
export async function fillCalendar({ postgres }: Databases, rows: number): Promise<Calendar> {
  const client = new pg.Client({ ...postgres, options: '-c timezone=UTC' })
  await client.connect()
  const ahead = Math.round(AHEAD_DAYS * WORKDAYS * VISITS_A_DAY)
  const doctors = Math.max(DOCTORS_PER_CLINIC, Math.ceil(rows / 500 / DOCTORS_PER_CLINIC) * DOCTORS_PER_CLINIC)
  const pastDays = Math.max(0, Math.round((rows / doctors - ahead) / WORKDAYS / VISITS_A_DAY))
  const patients = doctors * 50
  const admin = newId()
  for (const statement of statements({ doctors, patients, pastDays, admin })) await client.query(statement)

  const { rows: counted } = await client.query('select count(*)::int as appointments from appointments')
  const { rows: found } = await client.query(`
    select id, clinic_id as "clinicId", specialization from bench_doctors join doctors using (id) order by nth`)
  const { rows: visits } = await client.query(`
    select * from (
      select distinct on (patient_id) appointments.id, doctor_id as "doctorId", patient_id as "patientId",
        user_id as "patientUserId", users.email as "patientEmail"
      from appointments join patients on patients.id = patient_id join users on users.id = user_id
    ) visits order by md5(id::text) limit ${MOST_VISITS}`)
  await client.end()
  return { appointments: counted[0].appointments, doctors: found, visits }
}

type Size = { doctors: number; patients: number; pastDays: number; admin: string }

function statements({ doctors, patients, pastDays, admin }: Size): string[] {
  return [
    // Without triggers: those of foreign keys check row by row, and all references here are to rows that were just written.
    `set session_replication_role = replica`,
    `set maintenance_work_mem = '512MB'`,
    `insert into users (id, email, password_hash, role, name) values ('${admin}', 'bench@example.org', 'none', 'admin', 'Bench')`,
    `create temporary table bench_clinics as
       select uuidv7() as id, nth from generate_series(0, ${doctors / DOCTORS_PER_CLINIC - 1}) nth`,
    `insert into clinics (id, name, time_zone, currency)
       select id, 'Clinic ' || nth, 'America/New_York', 'USD' from bench_clinics`,
    `create temporary table bench_doctors as
       select uuidv7() as id, uuidv7() as visit_type_id, uuidv7() as schedule_id, doctor.nth, bench_clinics.id as clinic_id
       from generate_series(0, ${doctors - 1}) doctor(nth)
         join bench_clinics on bench_clinics.nth = doctor.nth / ${DOCTORS_PER_CLINIC}`,
    `insert into doctors (id, name, specialization, license_number, verified_at, bio)
       select id, 'Doctor ' || nth, (array['Cardiology', 'Dermatology', 'Neurology', 'Pediatrics', 'Surgery'])[1 + nth / 100 % 5],
         'L-' || nth, now(), 'Sees patients of every age.' from bench_doctors`,
    `insert into doctor_clinics (doctor_id, clinic_id) select id, clinic_id from bench_doctors`,
    `insert into visit_types (id, doctor_id, name, duration_minutes, slot_interval_minutes, price_amount, price_currency)
       select visit_type_id, id, 'Consultation', 30, 30, 9500, 'USD' from bench_doctors`,
    `insert into schedules (id, doctor_id, clinic_id) select schedule_id, id, clinic_id from bench_doctors`,
    `insert into schedule_windows (schedule_id, weekday, start_time, end_time)
       select schedule_id, weekday, '09:00', '17:00' from bench_doctors cross join generate_series(1, 6) weekday`,
    `create temporary table bench_patients as
       select uuidv7() as id, uuidv7() as user_id, nth from generate_series(0, ${patients - 1}) nth`,
    `insert into users (id, email, password_hash, role, name)
       select user_id, 'patient-' || nth || '@example.org', 'none', 'patient', 'Patient ' || nth from bench_patients`,
    `insert into patients (id, user_id, name, date_of_birth)
       select id, user_id, 'Patient ' || nth, '1990-05-17' from bench_patients`,
    `analyze bench_doctors, bench_patients`,

    // Building the index at the end is much faster than letting it grow row by row.
    `alter table occupancy drop constraint occupancy_no_overlap`,
    `insert into appointments (id, patient_id, doctor_id, clinic_id, visit_type_id, starts_at, ends_at, date, status,
       created_by, created_by_role, time_zone, mode, price_amount, price_currency, cancellation_free_until_minutes,
       cancellation_late_refund_percent, buffer_before_minutes, buffer_after_minutes, access_basis, original_ends_at,
       free_until)
     with slot as (
       select doctor.id as doctor_id, clinic_id, visit_type_id, day::date as day, doctor.nth as doctor_nth,
         position * 4 + (doctor.nth + extract(doy from day)::int) % 4 as half_hour,
         (extract(epoch from day)::bigint / 86400 * 4 + position) * ${doctors} as ordinal
       from generate_series(current_date - ${pastDays}, current_date + ${AHEAD_DAYS}, interval '1 day') day
         cross join generate_series(0, ${VISITS_A_DAY - 1}) position
         cross join bench_doctors doctor
       where extract(isodow from day) < 7
     ), visit as (
       select *, (day + time '09:00' + half_hour * interval '30 minutes') at time zone 'America/New_York' as starts_at
       from slot
     )
     select uuidv7(), bench_patients.id, doctor_id, clinic_id, visit_type_id, starts_at, starts_at + interval '30 minutes', day,
       case when starts_at < now() then 'completed' else 'booked' end, '${admin}', 'admin', 'America/New_York', 'in_person',
       9500, 'USD', 1440, 0, 0, 0, 'relationship', starts_at + interval '30 minutes', starts_at - interval '1440 minutes'
     from visit join bench_patients on bench_patients.nth = (ordinal + doctor_nth) % ${patients}
     -- As they were booked, day by day: the rows of one doctor lie apart.
     order by starts_at`,
    `insert into occupancy (appointment_id, kind, resource_id, during)
       select id, kind, case kind when 'doctor' then doctor_id else patient_id end, tstzrange(starts_at, ends_at)
       from appointments cross join (values ('doctor'), ('patient')) kinds(kind)
       order by starts_at`,
    `alter table occupancy add constraint occupancy_no_overlap
       exclude using gist (resource_id with =, during with &&) include (expires_at, appointment_id)`,
    `vacuum analyze`,
  ]
}
