import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import type { AppointmentStatus } from '../../src/ledger/status'
import { createTestApp, NOW } from '../support/app'
import { occupancyFaults } from '../support/occupancy'
import { until } from '../support/until'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const START = '2026-01-05T15:00:00Z'

/** Times of the requests; the day of the clinic in New York ends at 05:00Z. */
const TIMES = {
  dayBefore: '2026-01-05T04:59:00Z',
  before: '2026-01-05T14:59:00Z',
  started: START,
  sameDay: '2026-01-06T04:59:00Z',
  nextDay: '2026-01-06T05:00:00Z',
} as const
type Time = keyof typeof TIMES
type Action = 'confirm' | 'check-in' | 'undo-check-in' | 'complete' | 'no-show' | 'cancel' | 'reschedule'

const STATUSES: AppointmentStatus[] = ['held', 'booked', 'checked_in', 'completed', 'no_show', 'cancelled', 'expired']
const ACTIONS: Action[] = ['confirm', 'check-in', 'undo-check-in', 'complete', 'no-show', 'cancel', 'reschedule']
const BECOMES: Record<Action, AppointmentStatus> = {
  confirm: 'booked',
  'check-in': 'checked_in',
  'undo-check-in': 'booked',
  complete: 'completed',
  'no-show': 'no_show',
  cancel: 'cancelled',
  reschedule: 'booked',
}
const ALWAYS: Time[] = ['dayBefore', 'before', 'started', 'sameDay', 'nextDay']
const ON_THE_DAY: Time[] = ['before', 'started', 'sameDay']
const ONCE_STARTED: Time[] = ['started', 'sameDay', 'nextDay']
const UNTIL_THE_START: Time[] = ['dayBefore', 'before']
/** The actions that each status allows, and when; all others answer 409. */
const ALLOWED: Partial<Record<AppointmentStatus, Partial<Record<Action, Time[]>>>> = {
  held: { confirm: ALWAYS, cancel: UNTIL_THE_START },
  booked: {
    'check-in': ON_THE_DAY,
    complete: ONCE_STARTED,
    'no-show': ONCE_STARTED,
    cancel: UNTIL_THE_START,
    reschedule: UNTIL_THE_START,
  },
  checked_in: { complete: ONCE_STARTED, 'undo-check-in': ['before'] },
  completed: { 'check-in': ON_THE_DAY },
  no_show: { 'check-in': ON_THE_DAY, complete: ['started', 'sameDay'] },
}

async function make(status: AppointmentStatus) {
  const [patient, doctor] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id })]
  const holdExpiresAt = new Date('2026-01-20T00:00:00Z')
  const made = await t.newAppointment({ patient, doctor, startsAt: START, status, holdExpiresAt, createdBy: admin })
  const put = (action: Action, body?: object, headers = {}) =>
    t.as(admin).put(`/appointments/${made.id}/${action}`, body, { headers })
  return { ...made, patient, doctor, put }
}

const stored = (id: string) =>
  t.db.selectFrom('appointments').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
const lastEvent = async (id: string) => (await t.auditEvents().selectAll().where('targetId', '=', id).execute()).at(-1)

async function at<T>(time: Time, work: () => Promise<T>): Promise<T> {
  t.clock.set(TIMES[time])
  try {
    return await work()
  } finally {
    t.clock.set(NOW)
  }
}

describe('actions by status', () => {
  const bodies: Partial<Record<Action, object>> = {
    'check-in': { reason: 'A slip' },
    'undo-check-in': { reason: 'A slip' },
    complete: { reason: 'A slip' },
    reschedule: { startsAt: '2026-01-07T15:00:00Z' },
  }
  test.each(STATUSES.flatMap((status) => ACTIONS.map((action) => [action, status] as const)))(
    'the action %s on an appointment with status %s succeeds exactly when the contract allows it',
    async (action, status) => {
      const allowed = ALLOWED[status]?.[action] ?? []
      const answers = await Promise.all(ALWAYS.map(async (time) => [time, await make(status)] as const))
      for (const [time, appointment] of answers) {
        const { status: code, body } = await at(time, () => appointment.put(action, bodies[action]))
        const expected = allowed.includes(time) ? [200, BECOMES[action]] : [409, status]
        const { status: now, version } = await stored(appointment.id)
        expect([time, code, now]).toEqual([time, ...expected])
        expect(version).toBe(code === 200 ? 2 : 1)
        if (code === 409)
          expect(body.code).toBe(action === 'confirm' && status === 'expired' ? 'hold_expired' : 'invalid_state')
      }
    },
  )

  test('occupancy matches the status of every appointment after all actions', async () => {
    expect(await occupancyFaults(t)).toEqual([])
  })
})

describe('check-in, completion and no-show', () => {
  test('a check-in returns the new status and version and is audited with its actor', async () => {
    const { id, put, patient } = await make('booked')
    const answer = await put('check-in')
    expect(answer).toMatchObject({ status: 200, body: { id, status: 'checked_in', version: 2 } })
    expect(answer.headers.get('etag')).toBe('"2"')
    expect(await lastEvent(id)).toMatchObject({
      kind: 'appointment.check_in',
      action: 'U',
      actorId: admin.userId,
      patientIds: [patient.id],
      detail: null,
    })
    await at('started', () => put('complete', {}))
    expect(await lastEvent(id)).toMatchObject({ kind: 'appointment.complete', detail: null })
  })

  test('a doctor may check in their patient, a colleague gets 404 and a patient 403', async () => {
    const { id, patient, doctor } = await make('booked')
    const colleague = await t.newDoctor({ clinicId: clinic.id })
    const path = `/appointments/${id}/check-in`
    expect(await t.as(patient.actor).put(path)).toMatchObject({ status: 403 })
    expect(await t.as(colleague.actor).put(path)).toMatchObject({ status: 404 })
    expect(await t.as(doctor.actor).put(path)).toMatchObject({ status: 200 })
  })

  test('check-in, completion and no-show check If-Match', async () => {
    for (const action of ['check-in', 'complete', 'no-show'] as const) {
      const { put } = await make('booked')
      await at('started', async () => {
        expect(await put(action, undefined, { 'if-match': '"7"' })).toMatchObject({ status: 412 })
        expect(await put(action, undefined, { 'if-match': '"1"' })).toMatchObject({ status: 200 })
      })
    }
  })
})

describe('undoing a status change', () => {
  test.each([
    ['no_show', 'check-in'],
    ['no_show', 'complete'],
    ['completed', 'check-in'],
  ] as const)(
    'undoing the status %s by the action %s needs a reason, stores it and is audited as an undo',
    async (status, action) => {
      const { id, put, patient } = await make(status)
      await at('sameDay', async () => {
        for (const body of [undefined, {}, { reason: ' ' }])
          expect(await put(action, body)).toMatchObject({ status: 422, body: { errors: [{ path: 'reason' }] } })
        expect(await stored(id)).toMatchObject({ status, undoReason: null })
        expect(await put(action, { reason: 'Marked the wrong patient' })).toMatchObject({ status: 200 })
      })
      expect(await stored(id)).toMatchObject({
        status: BECOMES[action],
        undoneAt: new Date(TIMES.sameDay),
        undoneBy: admin.userId,
        undoReason: 'Marked the wrong patient',
      })
      const event = await lastEvent(id)
      expect(event).toMatchObject({ action: 'U', patientIds: [patient.id], detail: { undo: true } })
      expect(JSON.stringify(event)).not.toContain('wrong patient')
    },
  )

  test('undoing a check-in needs a reason, stores it, is audited, and lets the patient cancel again', async () => {
    const { id, put, patient } = await make('booked')
    const cancel = () => t.as(patient.actor).put(`/appointments/${id}/cancel`)
    expect(await put('check-in')).toMatchObject({ status: 200 })
    expect(await cancel()).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    for (const body of [undefined, {}, { reason: ' ' }])
      expect(await put('undo-check-in', body)).toMatchObject({ status: 422 })
    const reason = { reason: 'Marked the wrong patient' }
    expect(await put('undo-check-in', reason, { 'if-match': '"1"' })).toMatchObject({ status: 412 })
    const answer = await put('undo-check-in', reason, { 'if-match': '"2"' })
    expect(answer).toMatchObject({ status: 200, body: { id, status: 'booked', version: 3 } })
    expect(await stored(id)).toMatchObject({ status: 'booked', undoneBy: admin.userId, undoReason: reason.reason })
    const event = await lastEvent(id)
    expect(event).toMatchObject({ kind: 'appointment.undo_check_in', patientIds: [patient.id], detail: { undo: true } })
    expect(JSON.stringify(event)).not.toContain('wrong patient')
    expect(await cancel()).toMatchObject({ status: 200, body: { status: 'cancelled' } })
  })

  test('a status change that undoes nothing stores no undo reason', async () => {
    const { id, put } = await make('booked')
    await put('check-in', { reason: 'None needed' })
    expect(await stored(id)).toMatchObject({ undoneAt: null, undoneBy: null, undoReason: null })
  })
})

test('a check-in that waits for a move to another clinic still finds the appointment', async () => {
  t.clock.set(NOW)
  const other = await t.newClinic()
  const doctor = await t.newDoctor({ clinicId: clinic.id })
  const { id } = await t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: new Date(START) })
  const mover = await t.deps.postgres.pool.connect()
  await mover.query('begin')
  await mover.query('update appointments set clinic_id = $2 where id = $1', [id, other.id])
  const { rows } = await mover.query<{ pid: number }>('select pg_backend_pid() as pid')
  const waiting = sql`select 1 from pg_stat_activity where ${rows[0]!.pid}::int = any(pg_blocking_pids(pid))`
  const answer = t.as(admin).put(`/appointments/${id}/check-in`)
  await until(async () => (await waiting.execute(t.db)).rows.length > 0)
  await mover.query('commit')
  mover.release()
  expect(await answer).toMatchObject({ status: 200, body: { status: 'checked_in', clinic: { id: other.id } } })
})
