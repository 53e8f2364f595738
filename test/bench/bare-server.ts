// The baseline of the API: the least code that can give such an answer. No authentication, validation, audit, locks or
// idempotency; one named statement for each request.
import { verify } from '@node-rs/bcrypt'
import { sign } from 'hono/jwt'
import { MongoClient } from 'mongodb'
import pg from 'pg'

const { env } = process
const pool = new pg.Pool({
  host: env.POSTGRESQL_HOST,
  port: Number(env.POSTGRESQL_PORT),
  user: env.POSTGRESQL_USER,
  password: env.POSTGRESQL_PASSWORD,
  database: env.POSTGRESQL_DATABASE,
  max: 16,
})
const mongo = (await new MongoClient(env.MONGODB_URI ?? '', { maxPoolSize: 16 }).connect()).db(env.MONGODB_DATABASE)

const STATEMENTS = {
  doctors: `
    select id, name, specialization, bio, verified_at is not null as verified,
      (select json_agg(json_build_object('id', c.id, 'name', c.name, 'timeZone', c.time_zone))
        from doctor_clinics dc join clinics c on c.id = dc.clinic_id where dc.doctor_id = d.id) as clinics,
      (select json_agg(v) from visit_types v where v.doctor_id = d.id and v.active) as "visitTypes"
    from doctors d where lower(specialization) = lower($1) and verified_at is not null order by name, id limit 20`,
  appointment: `
    select a.id, a.status, a.starts_at, a.ends_at, a.price_amount, a.price_currency, a.reason, a.version, a.created_at,
      a.patient_id, p.name as patient_name, a.doctor_id, d.name as doctor_name, d.specialization, a.clinic_id,
      c.name as clinic_name, a.time_zone, a.visit_type_id, v.name as visit_type_name, a.mode
    from appointments a join patients p on p.id = a.patient_id join doctors d on d.id = a.doctor_id
      join clinics c on c.id = a.clinic_id join visit_types v on v.id = a.visit_type_id
    where a.id = $1`,
  book: `
    with doctor as (
      insert into occupancy (appointment_id, kind, resource_id, during)
      values ($1, 'doctor', $2, tstzrange($4, $5)) on conflict do nothing returning appointment_id
    ), patient as (
      insert into occupancy (appointment_id, kind, resource_id, during)
      select appointment_id, 'patient', $3, tstzrange($4, $5) from doctor on conflict do nothing returning appointment_id
    )
    insert into appointments (id, patient_id, doctor_id, clinic_id, visit_type_id, starts_at, ends_at, date, status,
      created_by, created_by_role, time_zone, mode, price_amount, price_currency, cancellation_free_until_minutes,
      cancellation_late_refund_percent, buffer_before_minutes, buffer_after_minutes,
      access_basis, original_ends_at, free_until)
    select $1, $3, $2, clinic_id, v.id, $4, $5, ($4::timestamptz at time zone 'America/New_York')::date, 'booked', $6,
      'patient', 'America/New_York', mode, price_amount, price_currency, 0, 0, 0, 0, 'relationship', $5, $4
    from doctor_clinics dc join visit_types v on v.doctor_id = dc.doctor_id
    where dc.doctor_id = $2 and exists (select from patient) returning id`,
  taken: `
    select json_build_object('starts', json_agg(extract(epoch from lower(during))), 'ends', json_agg(extract(epoch from upper(during))))
    from occupancy where resource_id = $1 and during && tstzrange($2, $3) and (expires_at is null or expires_at > now())`,
  user: `select id, role, email, name, password_hash from users where lower(email) = lower($1)`,
  patient: `select id, name, email, phone, date_of_birth, gender, address from patients where id = $1`,
}

async function query(name: keyof typeof STATEMENTS, values: unknown[] = []) {
  const { rows } = await pool.query({ name, text: STATEMENTS[name], values })
  return rows
}

type Booking = { doctorId: string; patientId: string; startsAt: string; userId: string }

async function book({ doctorId, patientId, startsAt, userId }: Booking): Promise<Response> {
  const start = new Date(startsAt)
  const end = new Date(start.getTime() + 30 * 60_000)
  const values = [crypto.randomUUID(), doctorId, patientId, start, end, userId]
  // The doctor's row alone, of a patient who is busy, breaks its foreign key.
  const [booked] = await query('book', values).catch(() => [])
  return Response.json(booked ?? {}, { status: booked ? 201 : 409 })
}

/** As long as the answer for a month of slots. */
const SLOTS = new Uint8Array(88 * 1024)
const DAY = 86_400_000

async function listSlots(doctorId: string): Promise<Response> {
  const now = Date.now()
  await query('taken', [doctorId, new Date(now - 3 * DAY), new Date(now + 36 * DAY)])
  return new Response(SLOTS)
}

async function logIn({ email, password }: { email: string; password: string }): Promise<Response> {
  const [user] = await query('user', [email])
  // The result does not matter here: checking takes the same time.
  await verify(password, user.password_hash)
  const accessToken = await sign({ sub: user.id, role: user.role }, env.JWT_ACCESS_SECRET ?? '', 'HS256')
  return Response.json({ accessToken, user: { id: user.id, role: user.role, email: user.email, name: user.name } })
}

async function readPatient(id: string): Promise<Response> {
  const newest = (collection: string) =>
    mongo.collection(collection).find({ patientId: id }).sort({ createdAt: -1, _id: -1 }).limit(20).toArray()
  const [[patient], records, prescriptions] = await Promise.all([
    query('patient', [id]),
    newest('medical_records'),
    newest('prescriptions'),
  ])
  return Response.json({ ...patient, history: { records, prescriptions } })
}

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(env.PORT),
  routes: {
    '/': () => new Response(),
    '/doctors': async ({ url }) =>
      Response.json({ data: await query('doctors', [new URL(url).searchParams.get('specialization')]) }),
    '/doctors/:id/slots': ({ params }) => listSlots(params.id),
    '/appointments/:id': async ({ params }) => Response.json((await query('appointment', [params.id]))[0]),
    '/appointments': { POST: async (request) => book((await request.json()) as Booking) },
    '/auth/login': {
      POST: async (request) => logIn((await request.json()) as { email: string; password: string }),
    },
    '/patients/:id': ({ params }) => readPatient(params.id),
  },
})
