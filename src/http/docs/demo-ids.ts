const demoId = (n: number) => `01980000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

/** Things of the demo data that the documentation uses as examples. `db/demo` creates them under these ids. */
export const DEMO = {
  clinic: demoId(1),
  room: demoId(2),
  closure: demoId(3),
  doctor: demoId(4),
  visitType: demoId(5),
  patient: demoId(6),
  exception: demoId(7),
  /** A completed and paid visit of the demo patient with the demo doctor, with a note, a file and a prescription. */
  pastAppointment: demoId(8),
  todaysAppointment: demoId(9),
  upcomingAppointment: demoId(10),
  payment: demoId(11),
  record: demoId(12),
  attachment: demoId(13),
  prescription: demoId(14),
  waitlistEntry: demoId(15),
  /** The audit event of an emergency access: the first event of a new trail. */
  emergencyEvent: 1,
} as const

export const DEMO_PASSWORD = 'clinic-demo-2026'
export const DEMO_ACCOUNTS = ['patient@demo.clinic', 'doctor@demo.clinic', 'admin@demo.clinic'] as const

const DAY = 86_400_000
const FIRST_DAY = 10
const DAYS = 60
/** Hours in UTC that lie within the demo doctor's hours in New York in summer and in winter. */
const UTC_TIMES = ['14:00', '14:30', '15:00', '15:30', '18:00', '18:30', '19:00', '19:30', '20:00', '20:30']

/** A start with the demo doctor that is most probably free: another one every minute, and for every `place`. */
export function demoStart(now: Date, place = 0): string {
  const turn = Math.floor(now.getTime() / 60_000) + place * 97
  const time = UTC_TIMES[turn % UTC_TIMES.length]
  const days = Array.from({ length: DAYS }, (_, i) => new Date(now.getTime() + (FIRST_DAY + i) * DAY))
  const open = days.filter((day) => day.getUTCDay() % 6 !== 0)
  return `${demoDay(open[Math.floor(turn / UTC_TIMES.length) % open.length]!, 0)}T${time}:00Z`
}

export const demoDay = (now: Date, days: number) => new Date(now.getTime() + days * DAY).toISOString().slice(0, 10)
