import type { Insertable } from 'kysely'
import { newId } from '../../src/database/ids'
import type { Database } from '../../src/database/schema'
import { DEMO } from '../../src/http/docs/demo-ids'
import { addDays, dayBounds, dayNumber, instantAt, isoWeekday, localDay, MINUTE } from '../../src/scheduling/local-time'
import { CLINICS, COMPLAINTS, DOCTORS, HOURS, PATIENTS, SPECIALIZATIONS } from './people'

type Row<T extends keyof Database> = Insertable<Database[T]>
export type DemoUser = Omit<Row<'users'>, 'passwordHash' | 'pepperVersion'>
export type Visit = { appointment: Row<'appointments'>; doctor: Row<'doctors'>; complaint: (typeof COMPLAINTS)[number] }

const DAYS_BACK = 7
const DAYS_AHEAD = 7
const VISIT_MINUTES = 30
/** Local starts of bookings, two a day: most slots stay free. */
const BOOKED_TIMES = ['09:30', '10:30', '11:00', '13:30', '14:30', '15:30']

/**
 * Rows of the demo clinics: people, hours and two weeks of bookings around `now`. No two bookings overlap for a person, and
 * doctor@demo.clinic sees patient@demo.clinic today.
 */
export function demoWorld(now: Date) {
  const createdAt = new Date(now.getTime() - 30 * 86_400_000)
  const users: DemoUser[] = [user('admin', 'admin@demo.clinic', 'Alex Admin', createdAt)]
  const admin = users[0]!
  const clinics = CLINICS.map(
    ({ price: _, ...clinic }, i): Row<'clinics'> => ({ id: i === 0 ? DEMO.clinic : newId(), createdAt, ...clinic }),
  )
  const patients = PATIENTS.map((name, i): Row<'patients'> => {
    const email = i === 0 ? 'patient@demo.clinic' : `patient${i + 1}@demo.clinic`
    const isChild = i === PATIENTS.length - 1
    const account = user('patient', email, name, createdAt)
    if (!isChild) users.push(account)
    const dateOfBirth = isChild
      ? '2019-06-14'
      : `${1950 + ((i * 17) % 60)}-${two(1 + (i % 12))}-${two(1 + ((i * 5) % 28))}`
    const gender = i % 2 === 0 ? 'female' : 'male'
    return {
      id: i === 0 ? DEMO.patient : newId(),
      userId: isChild ? null : account.id,
      name,
      email: isChild ? null : email,
      phone: `+1 212 555 0${110 + i}`,
      dateOfBirth,
      gender,
      createdAt,
    }
  })
  const guardians = [
    { userId: patients[0]!.userId!, patientId: patients.at(-1)!.id },
    { userId: patients[1]!.userId!, patientId: patients[0]!.id },
  ]
  const doctors = clinics.flatMap((clinic, c) =>
    DOCTORS[c]!.map((name, d) => {
      const email =
        c === 0 && d === 0 ? 'doctor@demo.clinic' : `doctor${c * SPECIALIZATIONS.length + d + 1}@demo.clinic`
      const account = user('doctor', email, name, createdAt)
      users.push(account)
      const specialization = SPECIALIZATIONS[d]!
      const bio = `${specialization} at ${clinic.name}.`
      const licenseNumber = `DEMO-${c + 1}${two(d + 1)}`
      const doctor: Row<'doctors'> = {
        id: c === 0 && d === 0 ? DEMO.doctor : newId(),
        userId: account.id,
        name,
        specialization,
        bio,
        licenseNumber,
        verifiedAt: createdAt,
        createdAt,
      }
      return { doctor, clinic, visitTypes: visitTypesOf(doctor.id, clinic, CLINICS[c]!.price, createdAt) }
    }),
  )

  const startsOf = new Map<string, Set<number>>(patients.map(({ id }) => [id, new Set()]))
  const visits: Visit[] = []
  const book = (d: number, startsAt: Date, patient: Row<'patients'>, id = newId()) => {
    const { doctor, clinic, visitTypes } = doctors[d]!
    startsOf.get(patient.id)!.add(startsAt.getTime())
    const complaint = COMPLAINTS[visits.length % COMPLAINTS.length]!
    visits.push({
      doctor,
      complaint,
      appointment: { ...appointment(patient, doctor, clinic, visitTypes[0]!, startsAt, admin.id, now), id },
    })
  }

  const [demoDoctor, demoPatient] = [doctors[0]!, patients[0]!]
  const weekdayFrom = (offset: number, step: number): string => {
    const day = addDays(localDay(now.getTime(), demoDoctor.clinic.timeZone), offset)
    return isoWeekday(dayNumber(day)) > 5 ? weekdayFrom(offset + step, step) : day
  }
  const bookDemo = (day: string, time: string, id: string) =>
    book(0, new Date(instantAt(day, time, demoDoctor.clinic.timeZone)), demoPatient, id)
  bookDemo(weekdayFrom(-DAYS_BACK - 1, -1), '10:00', DEMO.pastAppointment)
  bookDemo(weekdayFrom(DAYS_AHEAD + 1, 1), '13:00', DEMO.upcomingAppointment)

  doctors.forEach(({ clinic }, d) => {
    const today = localDay(now.getTime(), clinic.timeZone)
    for (let offset = -DAYS_BACK; offset <= DAYS_AHEAD; offset++) {
      const day = addDays(today, offset)
      const weekday = isoWeekday(dayNumber(day))
      const times = d === 0 && offset === 0 ? ['09:30', '11:00'] : timesOf(weekday, d + offset + DAYS_BACK)
      times.forEach((time, i) => {
        const startsAt = new Date(instantAt(day, time, clinic.timeZone))
        const todays = d === 0 && offset === 0 && i === 0
        const preferred = todays ? 0 : d * 3 + offset + DAYS_BACK + i * 7
        const patient = rotate(patients, preferred).find(({ id }) => !startsOf.get(id)!.has(startsAt.getTime()))
        if (patient) book(d, startsAt, patient, todays ? DEMO.todaysAppointment : undefined)
      })
    }
  })

  return { users, clinics, patients, guardians, doctors, visits, hours: HOURS, ...availability(doctors, now) }
}

export type DemoWorld = ReturnType<typeof demoWorld>
type DemoDoctor = { doctor: Row<'doctors'>; clinic: Row<'clinics'> }

/** The standing week of each doctor; on Sundays the demo doctor has extra hours, so that today is never empty. */
function availability(doctors: DemoDoctor[], now: Date) {
  const schedules = doctors.map(
    ({ doctor, clinic }): Row<'schedules'> => ({ id: newId(), doctorId: doctor.id, clinicId: clinic.id }),
  )
  const windows = schedules.flatMap(({ id: scheduleId }) =>
    HOURS.map(({ weekday, start, end }) => ({ scheduleId, weekday, startTime: start, endTime: end })),
  )
  const { doctor, clinic } = doctors[0]!
  const today = localDay(now.getTime(), clinic.timeZone)
  const sunday = isoWeekday(dayNumber(today)) === 7
  const extra: Row<'availabilityExceptions'> = {
    id: newId(),
    doctorId: doctor.id,
    clinicId: clinic.id,
    startsAt: new Date(instantAt(today, '09:00', clinic.timeZone)),
    endsAt: new Date(dayBounds(today, clinic.timeZone).end),
    kind: 'extra',
    note: 'Sunday hours',
    createdAt: now,
  }
  return { schedules, windows, exceptions: sunday ? [extra] : [] }
}

const two = (n: number) => String(n).padStart(2, '0')
const rotate = <T>(items: T[], by: number) => [...items.slice(by % items.length), ...items.slice(0, by % items.length)]

function timesOf(weekday: number, turn: number): string[] {
  if (weekday === 7) return []
  const first = BOOKED_TIMES[turn % 3]!
  return weekday === 6 ? [first] : [first, BOOKED_TIMES[3 + (turn % 3)]!]
}

const user = (role: 'admin' | 'doctor' | 'patient', email: string, name: string, createdAt: Date): DemoUser => ({
  id: newId(),
  email,
  role,
  name,
  phone: null,
  createdAt,
})

function visitTypesOf(doctorId: string, clinic: Row<'clinics'>, price: number, createdAt: Date): Row<'visitTypes'>[] {
  const base = { doctorId, priceCurrency: clinic.currency, createdAt }
  const consultation = {
    name: 'Consultation',
    durationMinutes: VISIT_MINUTES,
    slotIntervalMinutes: VISIT_MINUTES,
    priceAmount: price,
  }
  const followUp = {
    name: 'Video follow-up',
    durationMinutes: 15,
    slotIntervalMinutes: 15,
    priceAmount: Math.round(price / 2),
  }
  return [
    { id: doctorId === DEMO.doctor ? DEMO.visitType : newId(), ...base, ...consultation },
    { id: newId(), ...base, ...followUp, mode: 'telehealth', minimumNoticeMinutes: 60 },
  ]
}

function appointment(
  patient: Row<'patients'>,
  doctor: Row<'doctors'>,
  clinic: Row<'clinics'>,
  visitType: Row<'visitTypes'>,
  startsAt: Date,
  createdBy: string,
  now: Date,
): Omit<Row<'appointments'>, 'id'> {
  const endsAt = new Date(startsAt.getTime() + VISIT_MINUTES * MINUTE)
  return {
    patientId: patient.id,
    doctorId: doctor.id,
    clinicId: clinic.id,
    visitTypeId: visitType.id,
    startsAt,
    endsAt,
    date: localDay(startsAt.getTime(), clinic.timeZone),
    status: endsAt.getTime() < now.getTime() - 86_400_000 ? 'completed' : 'booked',
    reason: null,
    createdBy: patient.userId ?? createdBy,
    createdByRole: patient.userId ? 'patient' : 'admin',
    timeZone: clinic.timeZone,
    mode: 'in_person',
    priceAmount: visitType.priceAmount,
    priceCurrency: visitType.priceCurrency,
    cancellationFreeUntilMinutes: 1440,
    cancellationLateRefundPercent: 0,
    bufferBeforeMinutes: 0,
    bufferAfterMinutes: 0,
    createdAt: new Date(startsAt.getTime() - 10 * 86_400_000),
  }
}
