import type { Kysely } from 'kysely'
import type { Clock } from '../src/actor'
import { hashPassword } from '../src/auth/passwords/hashing'
import { readConfig } from '../src/config'
import { newId } from '../src/database/ids'
import type { Database } from '../src/database/schema'
import type { Deps } from '../src/deps'
import { DEMO, DEMO_PASSWORD } from '../src/http/docs/demo-ids'
import { closeDeps, openDeps } from '../src/open-deps'
import { insertSamples, storeSampleFile } from './demo/samples'
import { type DemoWorld, demoWorld, type Visit } from './demo/world'

/** Adds the demo clinics unless the database has them already. Throws in production. */
export async function seed(
  env: Record<string, string>,
  log: (line: string) => void = () => {},
  clock: Clock = () => new Date(),
): Promise<void> {
  const config = readConfig({ LOG_LEVEL: 'error', ...env })
  if (config.production) throw new Error('Demo data must not be added to a production database.')
  const deps = openDeps(config, { clock })
  try {
    if (await isSeeded(deps.db)) return log('the database already has demo data')
    const now = deps.clock()
    const world = demoWorld(now)
    const password = await hashPassword(deps, DEMO_PASSWORD)
    await deps.mongo.ready()
    await deps.postgres.transaction([], async (trx) => {
      await insertPeople(trx, world, password)
      await insertVisits(trx, world)
      await insertSamples(trx, world, now)
      await insertHistories(deps, world.visits)
    })
    log(
      `demo data: ${world.doctors.length} doctors, ${world.patients.length} patients, ${world.visits.length} bookings`,
    )
  } finally {
    await closeDeps(deps)
  }
}

async function isSeeded(db: Kysely<Database>): Promise<boolean> {
  const admin = await db.selectFrom('users').select('id').where('email', '=', 'admin@demo.clinic').executeTakeFirst()
  return admin !== undefined
}

type HashedPassword = Awaited<ReturnType<typeof hashPassword>>

async function insertPeople(db: Kysely<Database>, world: DemoWorld, password: HashedPassword): Promise<void> {
  await db
    .insertInto('users')
    .values(world.users.map((user) => ({ ...user, ...password })))
    .execute()
  await db.insertInto('clinics').values(world.clinics).execute()
  await db.insertInto('patients').values(world.patients).execute()
  await db.insertInto('patientGuardians').values(world.guardians).execute()
  await db
    .insertInto('doctors')
    .values(world.doctors.map(({ doctor }) => doctor))
    .execute()
  const memberships = world.doctors.map(({ doctor, clinic }) => ({ doctorId: doctor.id, clinicId: clinic.id }))
  await db.insertInto('doctorClinics').values(memberships).execute()
  await db
    .insertInto('visitTypes')
    .values(world.doctors.flatMap(({ visitTypes }) => visitTypes))
    .execute()
  await db.insertInto('schedules').values(world.schedules).execute()
  await db.insertInto('scheduleWindows').values(world.windows).execute()
  if (world.exceptions.length > 0) await db.insertInto('availabilityExceptions').values(world.exceptions).execute()
}

async function insertVisits(db: Kysely<Database>, { visits }: DemoWorld): Promise<void> {
  await db
    .insertInto('appointments')
    .values(visits.map(({ appointment }) => appointment))
    .execute()
  const occupancy = visits.flatMap(({ appointment: { id, doctorId, patientId, startsAt, endsAt } }) => {
    const during = `[${new Date(startsAt).toISOString()},${new Date(endsAt).toISOString()})`
    return [
      { appointmentId: id, kind: 'doctor' as const, resourceId: doctorId, during },
      { appointmentId: id, kind: 'patient' as const, resourceId: patientId, during },
    ]
  })
  await db.insertInto('occupancy').values(occupancy).execute()
  const payments = visits
    .filter(({ appointment }) => appointment.status === 'completed')
    .map(({ appointment }) => ({
      id: appointment.id === DEMO.pastAppointment ? DEMO.payment : newId(),
      appointmentId: appointment.id,
      amount: appointment.priceAmount,
      currency: appointment.priceCurrency,
      method: 'cash' as const,
      provider: 'desk',
      status: 'succeeded' as const,
      createdBy: appointment.createdBy,
      paidAt: appointment.endsAt,
      chargedAmount: appointment.priceAmount,
      createdAt: appointment.endsAt,
    }))
  await db.insertInto('payments').values(payments).execute()
  const charges = payments.map(({ id, amount, currency, provider, createdBy, createdAt }) => ({
    id: newId(),
    paymentId: id,
    kind: 'charge' as const,
    amount,
    currency,
    status: 'succeeded' as const,
    provider,
    createdBy,
    createdAt,
    settledAt: createdAt,
  }))
  await db.insertInto('paymentEntries').values(charges).execute()
}

/** A visit note and a prescription for every completed visit. */
async function insertHistories({ mongo }: Deps, visits: Visit[]): Promise<void> {
  const completed = visits.filter(({ appointment }) => appointment.status === 'completed')
  const common = ({ appointment, doctor }: Visit, demo: string) => ({
    _id: appointment.id === DEMO.pastAppointment ? demo : newId(),
    schemaVersion: 1,
    patientId: appointment.patientId,
    doctorId: appointment.doctorId,
    doctor: { id: doctor.id, name: doctor.name },
    appointmentId: appointment.id,
    createdAt: new Date(appointment.endsAt),
  })
  const notes = completed.map((visit) => {
    const { title, assessment } = visit.complaint
    const data = { complaint: title, assessment, plan: 'Review in four weeks if it does not improve.' }
    return { ...common(visit, DEMO.record), type: 'visit_note', title, data, amendments: [] }
  })
  const shown = notes.find(({ _id }) => _id === DEMO.record)
  if (shown) Object.assign(shown, { attachments: [await storeSampleFile(mongo, shown.doctor, shown.createdAt)] })
  const prescriptions = completed.map((visit) => {
    const { medicine: name, dosage } = visit.complaint
    return {
      ...common(visit, DEMO.prescription),
      medicines: [{ name, dosage, frequency: 'once a day', durationDays: 14 }],
    }
  })
  await mongo.collection<{ _id: string }>('medical_records').insertMany(notes)
  await mongo.collection<{ _id: string }>('prescriptions').insertMany(prescriptions)
}

if (import.meta.main) await seed(process.env as Record<string, string>, console.log)
