// The peer of the API in endpoints.bench.ts: the same answers as many teams would first write them, in Express with pg,
// mongoose and bcryptjs on Node. It checks tokens and input, but has no audit, idempotency keys, locks or constraint on
// overlapping visits: it looks whether a time is free, and then books it.
import { createSecretKey } from 'node:crypto'
import bcrypt from 'bcryptjs'
import express from 'express'
import jwt from 'jsonwebtoken'
import mongoose from 'mongoose'
import pg from 'pg'

const { env } = process
const pool = new pg.Pool({
  host: env.POSTGRESQL_HOST,
  port: Number(env.POSTGRESQL_PORT),
  user: env.POSTGRESQL_USER,
  password: env.POSTGRESQL_PASSWORD,
  database: env.POSTGRESQL_DATABASE,
  max: 20,
})
await mongoose.connect(env.MONGODB_URI, { dbName: env.MONGODB_DATABASE, maxPoolSize: 20, autoIndex: false })
const document = new mongoose.Schema({}, { strict: false, versionKey: false, _id: false })
document.add({ _id: String, patientId: String, createdAt: Date })
const MedicalRecord = mongoose.model('MedicalRecord', document, 'medical_records')
const Prescription = mongoose.model('Prescription', document, 'prescriptions')
// A key, since checking a token with a secret as text is slow on some versions of Node.
const secret = createSecretKey(Buffer.from(env.JWT_ACCESS_SECRET))

async function query(text, values) {
  const { rows } = await pool.query(text, values)
  return rows
}

const app = express()
app.use(express.json())

function authenticate(request, response, next) {
  try {
    const token = (request.get('authorization') ?? '').replace('Bearer ', '')
    request.user = jwt.verify(token, secret, { algorithms: ['HS256'] })
    next()
  } catch {
    response.status(401).json({ error: 'unauthenticated' })
  }
}

app.get('/', (_request, response) => response.end())

app.get('/doctors', async (request, response) => {
  const doctors = await query(
    `select id, name, specialization, bio, verified_at is not null as verified,
      (select json_agg(json_build_object('id', c.id, 'name', c.name, 'timeZone', c.time_zone))
        from doctor_clinics dc join clinics c on c.id = dc.clinic_id where dc.doctor_id = d.id) as clinics,
      (select json_agg(v) from visit_types v where v.doctor_id = d.id and v.active) as "visitTypes"
    from doctors d where lower(specialization) = lower($1) and verified_at is not null order by name, id limit 20`,
    [request.query.specialization],
  )
  response.json({ data: doctors })
})

app.get('/appointments/:id', authenticate, async (request, response) => {
  const [appointment] = await query(
    `select a.id, a.status, a.starts_at, a.ends_at, a.price_amount, a.price_currency, a.reason, a.version, a.created_at,
      a.patient_id, p.name as patient_name, a.doctor_id, d.name as doctor_name, d.specialization, a.clinic_id,
      c.name as clinic_name, a.time_zone, a.visit_type_id, v.name as visit_type_name, a.mode
    from appointments a join patients p on p.id = a.patient_id join doctors d on d.id = a.doctor_id
      join clinics c on c.id = a.clinic_id join visit_types v on v.id = a.visit_type_id
    where a.id = $1 and a.patient_id = $2`,
    [request.params.id, request.user.pid],
  )
  if (appointment) response.json(appointment)
  else response.status(404).json({ error: 'not found' })
})

app.post('/appointments', authenticate, async (request, response) => {
  const { doctorId, startsAt } = request.body
  const start = new Date(startsAt)
  const { pid: patientId, sub: userId } = request.user
  if (!doctorId || Number.isNaN(start.getTime()) || start < new Date())
    return response.status(422).json({ error: 'invalid' })
  const [offer] = await query(
    `select v.id, v.duration_minutes, v.mode, v.price_amount, v.price_currency, s.clinic_id, c.time_zone
    from visit_types v
      join schedules s on s.doctor_id = v.doctor_id
      join clinics c on c.id = s.clinic_id
      join schedule_windows w on w.schedule_id = s.id
        and w.weekday = extract(isodow from $2::timestamptz at time zone c.time_zone)
        and ($2::timestamptz at time zone c.time_zone)::time between w.start_time and w.end_time
    where v.doctor_id = $1 and v.active limit 1`,
    [doctorId, start],
  )
  if (!offer) return response.status(409).json({ error: 'outside of the hours' })
  const end = new Date(start.getTime() + offer.duration_minutes * 60_000)
  const [taken] = await query(
    `select 1 from appointments
    where (doctor_id = $1 or patient_id = $2) and starts_at < $4 and starts_at > $3::timestamptz - interval '1 day'
      and ends_at > $3 and status in ('booked', 'checked_in') limit 1`,
    [doctorId, patientId, start, end],
  )
  if (taken) return response.status(409).json({ error: 'taken' })
  const [booked] = await query(
    `insert into appointments (id, patient_id, doctor_id, clinic_id, visit_type_id, starts_at, ends_at, date, status,
      created_by, created_by_role, time_zone, mode, price_amount, price_currency, cancellation_free_until_minutes,
      cancellation_late_refund_percent, buffer_before_minutes, buffer_after_minutes,
      access_basis, original_ends_at, free_until)
    values ($1, $2, $3, $4, $5, $6, $7, ($6::timestamptz at time zone $8)::date, 'booked', $9, 'patient', $8, $10, $11,
      $12, 0, 0, 0, 0, 'relationship', $7, $6)
    returning id, status, starts_at, ends_at, price_amount, price_currency`,
    [
      ...[crypto.randomUUID(), patientId, doctorId, offer.clinic_id, offer.id, start, end, offer.time_zone, userId],
      ...[offer.mode, offer.price_amount, offer.price_currency],
    ],
  )
  response.status(201).json(booked)
})

app.post('/auth/login', async (request, response) => {
  const { email, password } = request.body
  const [user] = await query('select id, role, email, name, password_hash from users where lower(email) = lower($1)', [
    email,
  ])
  // The result does not matter here: checking takes the same time.
  await bcrypt.compare(password, user.password_hash)
  const accessToken = jwt.sign({ sub: user.id, role: user.role }, secret, { expiresIn: '15m' })
  response.json({ accessToken, user: { id: user.id, role: user.role, email: user.email, name: user.name } })
})

app.get('/patients/:id', authenticate, async (request, response) => {
  const { id } = request.params
  if (request.user.pid !== id) return response.status(404).json({ error: 'not found' })
  const newest = (model) => model.find({ patientId: id }).sort({ createdAt: -1, _id: -1 }).limit(20).lean()
  const [[patient], records, prescriptions] = await Promise.all([
    query('select id, name, email, phone, date_of_birth, gender, address from patients where id = $1', [id]),
    newest(MedicalRecord),
    newest(Prescription),
  ])
  response.json({ ...patient, history: { records, prescriptions } })
})

app.listen(Number(env.PORT), '127.0.0.1')
