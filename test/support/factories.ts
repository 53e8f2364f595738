import type { Role } from '../../src/auth/tables'
import { newId } from '../../src/database/ids'
import type { Actor, Deps } from '../../src/deps'
import type { VisitTypesTable } from '../../src/doctors/tables'

type Window = { weekday: number; start: string; end: string }

const WEEKDAYS_9_TO_17: Window[] = [1, 2, 3, 4, 5].map((weekday) => ({ weekday, start: '09:00', end: '17:00' }))
let serial = 0

/** Each makes rows of its own with unique values, straight in the database, and gives back ids and a ready actor. */
export function createFactories({ db, clock }: Deps) {
  async function newUser(role: Role, name: string): Promise<Actor> {
    const userId = newId()
    const sessionId = crypto.randomUUID()
    const now = clock()
    const later = new Date(now.getTime() + 90 * 86_400_000)
    const email = `${role}-${++serial}-${userId.slice(-6)}@example.org`
    await db
      .insertInto('users')
      .values({ id: userId, email, passwordHash: 'none', role, name, createdAt: now })
      .execute()
    await db
      .insertInto('sessions')
      .values({
        id: sessionId,
        userId,
        rotatedAt: now,
        createdAt: now,
        lastUsedAt: now,
        expiresAt: later,
        idleExpiresAt: later,
      })
      .execute()
    return { userId, sessionId, role }
  }

  return {
    newAdmin: () => newUser('admin', 'Admin Ada'),

    async newClinic({ timeZone = 'America/New_York', currency = 'USD' } = {}) {
      const id = newId()
      await db
        .insertInto('clinics')
        .values({ id, name: `Clinic ${++serial}`, timeZone, currency, createdAt: clock() })
        .execute()
      return { id, timeZone, currency }
    },

    async newPatient({ account = true, name = `Patient ${++serial}` } = {}) {
      const patientId = newId()
      const user = account ? await newUser('patient', name) : undefined
      await db
        .insertInto('patients')
        .values({ id: patientId, userId: user?.userId ?? null, name, dateOfBirth: '1990-05-17', createdAt: clock() })
        .execute()
      // Without an account there is nobody to act: the actor is then unusable by design.
      const actor: Actor = { ...(user ?? { userId: '', sessionId: '', role: 'patient' as const }), patientId }
      return { id: patientId, name, actor }
    },

    /** A verified doctor of one clinic with hours Monday to Friday 9 to 17 and one visit type of 30 minutes. */
    async newDoctor({
      clinicId,
      specialization = 'Cardiology',
      verified = true,
      weekly = WEEKDAYS_9_TO_17,
      visitType = {},
    }: {
      clinicId: string
      specialization?: string
      verified?: boolean
      weekly?: Window[]
      visitType?: Partial<VisitTypesTable>
    }) {
      const doctorId = newId()
      const visitTypeId = newId()
      const scheduleId = newId()
      const name = `Doctor ${++serial}`
      const user = await newUser('doctor', name)
      const now = clock()
      await db
        .insertInto('doctors')
        .values({
          id: doctorId,
          userId: user.userId,
          name,
          specialization,
          licenseNumber: `L-${serial}`,
          verifiedAt: verified ? now : null,
          createdAt: now,
        })
        .execute()
      await db.insertInto('doctorClinics').values({ doctorId, clinicId }).execute()
      await db
        .insertInto('visitTypes')
        .values({
          id: visitTypeId,
          doctorId,
          name: 'Consultation',
          durationMinutes: 30,
          slotIntervalMinutes: 30,
          priceAmount: 9500,
          priceCurrency: 'USD',
          createdAt: now,
          ...(visitType as object),
        })
        .execute()
      await db.insertInto('schedules').values({ id: scheduleId, doctorId, clinicId }).execute()
      if (weekly.length > 0)
        await db
          .insertInto('scheduleWindows')
          .values(weekly.map(({ weekday, start, end }) => ({ scheduleId, weekday, startTime: start, endTime: end })))
          .execute()
      return { id: doctorId, name, clinicId, visitTypeId, actor: { ...user, doctorId } as Actor }
    },
  }
}
