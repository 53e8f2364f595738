import { DEMO, DEMO_ACCOUNTS, DEMO_PASSWORD, demoDay, demoStart } from './demo-ids'
import { type ApiDescription, operationsOf, type Parameter } from './document'

/**
 * Removes the examples of parameters that need not be sent: `/docs` fills its form with examples, and a filter filled with
 * an example finds nothing, an idempotency key filled with one works once.
 */
export function leaveOptionalParametersEmpty(document: ApiDescription): void {
  for (const { operation } of operationsOf(document))
    for (const parameter of operation.parameters ?? []) if (!parameter.required) setExample(parameter, undefined)
}

/** Fills required parameters and some bodies with things of the demo data and with days to come. */
export function showDemoData(document: ApiDescription, now: Date): void {
  const bodies = demoBodies(now)
  for (const { path, operation } of operationsOf(document)) {
    for (const parameter of operation.parameters ?? []) {
      if (parameter.in === 'path') setExample(parameter, demoIdOf(path, operation.operationId, parameter.name))
      if (parameter.name === 'startsAt') setExample(parameter, demoStart(now, 5))
    }
    const body = operation.requestBody?.content['application/json']
    const example = bodies[operation.operationId]
    if (body && example) body.example = example
  }
}

function setExample(parameter: Parameter, example: unknown): void {
  const { example: _, ...schema } = parameter.schema ?? {}
  parameter.schema = schema
  delete parameter.example
  if (example !== undefined) parameter.example = example
}

const BY_NAME: Record<string, unknown> = {
  roomId: DEMO.room,
  closureId: DEMO.closure,
  exceptionId: DEMO.exception,
  visitTypeId: DEMO.visitType,
  seq: DEMO.emergencyEvent,
  provider: 'sandbox',
}
const BY_COLLECTION: Record<string, string> = {
  clinics: DEMO.clinic,
  doctors: DEMO.doctor,
  appointments: DEMO.upcomingAppointment,
  waitlist: DEMO.waitlistEntry,
  patients: DEMO.patient,
  records: DEMO.record,
  attachments: DEMO.attachment,
  prescriptions: DEMO.prescription,
  payments: DEMO.payment,
}
/** Work of the day. */
const TODAY = ['checkInAppointment', 'completeAppointment', 'markNoShow']

function demoIdOf(path: string, operationId: string, name: string): unknown {
  if (TODAY.includes(operationId)) return DEMO.todaysAppointment
  return BY_NAME[name] ?? BY_COLLECTION[path.split('/')[1]!]
}

/** Bodies by operation. Each start is another one, so that none takes the time of the next. */
function demoBodies(now: Date): Record<string, object> {
  const who = { doctorId: DEMO.doctor, patientId: DEMO.patient }
  const name = `${now.toISOString().slice(5, 16)}`
  return {
    signIn: { email: DEMO_ACCOUNTS[0], password: DEMO_PASSWORD },
    register: {
      role: 'patient',
      email: `ada.${Math.floor(now.getTime() / 60_000)}@example.org`,
      password: 'correct horse battery staple',
      name: 'Ada Lovelace',
      dateOfBirth: '1990-12-10',
    },
    bookAppointment: { ...who, startsAt: demoStart(now), reason: 'Chest pain when climbing stairs' },
    bookSeries: { ...who, startsAt: demoStart(now, 1), every: { weeks: 1 }, count: 2, mode: 'what_is_free' },
    rescheduleAppointment: { startsAt: demoStart(now, 2) },
    joinWaitlist: { ...who, from: demoDay(now, 1), to: demoDay(now, 14) },
    createPayment: { appointmentId: DEMO.upcomingAppointment, method: 'cash' },
    createClosure: { startsOn: demoDay(now, 400), endsOn: demoDay(now, 401), reason: 'Renovation' },
    createRoom: { name: `Room ${name}` },
    createException: {
      doctorId: DEMO.doctor,
      startsAt: `${demoDay(now, 83)}T14:00:00Z`,
      endsAt: `${demoDay(now, 83)}T20:00:00Z`,
      kind: 'off',
      note: 'Conference',
    },
    verifyDoctor: { clinicIds: [DEMO.clinic] },
    setAvailability: {
      doctorId: DEMO.doctor,
      validFrom: demoDay(now, 200),
      validUntil: demoDay(now, 206),
      weekly: [{ weekday: 1, start: '09:00', end: '12:30' }],
    },
    renewPrescription: { reason: 'Well tolerated.', until: demoDay(now, 180) },
  }
}
