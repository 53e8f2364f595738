import type { Insertable } from 'kysely'
import type { Caller, Role } from '../../src/actor'
import { newId } from '../../src/database/ids'
import type { Deps } from '../../src/deps'
import type { VisitTypesTable } from '../../src/doctors/tables'
import type { AppointmentStatus } from '../../src/ledger/status'
import { localDay, MINUTE } from '../../src/scheduling/local-time'

type Window = { weekday: number; start: string; end: string }

const WEEKDAYS_9_TO_17: Window[] = [1, 2, 3, 4, 5].map((weekday) => ({ weekday, start: '09:00', end: '17:00' }))
const HOLD = 10 * MINUTE
let serial = 0

/** Each factory inserts its own rows with unique values into the database, and returns ids and a ready actor. */
export function createFactories({ db, clock }: Deps) {
  async function newUser(role: Role, name: string): Promise<Caller> {
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
      // Without an account there is no user: the actor is then unusable by design.
      const actor: Caller = { ...(user ?? { userId: '', sessionId: '', role: 'patient' as const }), patientId }
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
      visitType?: Partial<Insertable<VisitTypesTable>>
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
          ...visitType,
        })
        .execute()
      await db.insertInto('schedules').values({ id: scheduleId, doctorId, clinicId }).execute()
      if (weekly.length > 0)
        await db
          .insertInto('scheduleWindows')
          .values(weekly.map(({ weekday, start, end }) => ({ scheduleId, weekday, startTime: start, endTime: end })))
          .execute()
      return { id: doctorId, name, clinicId, visitTypeId, actor: { ...user, doctorId } as Caller }
    },

    /** Has the terms of the doctor's visit type, ignores all rules, and adds occupancy unless cancelled or expired. */
    async newAppointment({
      patient,
      doctor,
      startsAt,
      status = 'booked',
      reason = null,
      createdBy = patient.actor.userId ? patient.actor : doctor.actor,
      ...terms
    }: {
      patient: { id: string; actor: Caller }
      doctor: { id: string; clinicId: string; visitTypeId: string; actor: Caller }
      startsAt: Date | string
      status?: AppointmentStatus
      reason?: string | null
      createdBy?: Caller
      /** For `held`: ten minutes from now unless given. */
      holdExpiresAt?: Date
      priceAmount?: number
      createdAt?: Date
    }) {
      const id = newId()
      const now = clock()
      const { timeZone } = await db
        .selectFrom('clinics')
        .select('timeZone')
        .where('id', '=', doctor.clinicId)
        .executeTakeFirstOrThrow()
      const visitType = await db
        .selectFrom('visitTypes')
        .selectAll()
        .where('id', '=', doctor.visitTypeId)
        .executeTakeFirstOrThrow()
      const start = new Date(startsAt)
      const end = new Date(start.getTime() + visitType.durationMinutes * MINUTE)
      const holdExpiresAt = status === 'held' ? (terms.holdExpiresAt ?? new Date(now.getTime() + HOLD)) : null
      const cancelled = status === 'cancelled' ? { cancelledAt: now, cancelledBy: createdBy.userId } : {}
      const appointment = {
        id,
        patientId: patient.id,
        doctorId: doctor.id,
        clinicId: doctor.clinicId,
        visitTypeId: doctor.visitTypeId,
        startsAt: start,
        endsAt: end,
        date: localDay(start.getTime(), timeZone),
        status,
        holdExpiresAt,
        reason,
        createdBy: createdBy.userId,
        createdByRole: createdBy.role,
        cancelledAt: null,
        cancelledBy: null,
        cancellationReason: null,
        timeZone,
        mode: visitType.mode,
        priceAmount: terms.priceAmount ?? visitType.priceAmount,
        priceCurrency: visitType.priceCurrency,
        cancellationFreeUntilMinutes: visitType.cancellationFreeUntilMinutes,
        cancellationLateRefundPercent: visitType.cancellationLateRefundPercent,
        bufferBeforeMinutes: visitType.bufferBeforeMinutes,
        bufferAfterMinutes: visitType.bufferAfterMinutes,
        createdAt: terms.createdAt ?? now,
        ...cancelled,
      }
      await db.insertInto('appointments').values(appointment).execute()
      if (status !== 'cancelled' && status !== 'expired') {
        const range = (before: number, after: number) =>
          `[${new Date(start.getTime() - before * MINUTE).toISOString()},${new Date(end.getTime() + after * MINUTE).toISOString()})`
        const { bufferBeforeMinutes: before, bufferAfterMinutes: after } = appointment
        await db
          .insertInto('occupancy')
          .values([
            {
              appointmentId: id,
              kind: 'doctor',
              resourceId: doctor.id,
              during: range(before, after),
              expiresAt: holdExpiresAt,
            },
            {
              appointmentId: id,
              kind: 'patient',
              resourceId: patient.id,
              during: range(0, 0),
              expiresAt: holdExpiresAt,
            },
          ])
          .execute()
      }
      return appointment
    },
  }
}
