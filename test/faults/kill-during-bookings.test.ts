import { expect, test } from 'bun:test'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { addDays, instantAt, localDay } from '../../src/scheduling/local-time'
import { createTestApp } from '../support/app'
import { startServer } from '../support/server'

const FULL = process.env.TEST_SCALE === 'full'
const BOOKINGS = FULL ? 1_000 : 60
const KILLS = FULL ? 8 : 1
const CLIENTS = 20
const SLOTS_A_DAY = 48

const t = await createTestApp()
// The server uses the real time.
t.clock.set(new Date())
const allDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '00:00', end: '24:00' }))
const clinic = await t.newClinic({ timeZone: 'Asia/Kathmandu' })
const doctors = await Promise.all(Array.from({ length: 5 }, () => t.newDoctor({ clinicId: clinic.id, weekly: allDay })))
const patients = await Promise.all(Array.from({ length: CLIENTS }, () => t.newPatient()))

/** The i-th booking has its own slot, so that a lost or doubled booking is seen. */
function bookingOf(i: number) {
  const doctor = doctors[i % doctors.length]!
  const nth = Math.floor(i / doctors.length)
  const day = addDays(localDay(Date.now(), clinic.timeZone), 2 + Math.floor(nth / SLOTS_A_DAY))
  const minutes = (nth % SLOTS_A_DAY) * 30
  const time = `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
  return { doctorId: doctor.id, startsAt: new Date(instantAt(day, time, clinic.timeZone)).toISOString() }
}

test('a server killed while it books loses no acknowledged booking and doubles none', async () => {
  let server = startServer({ ...t.env, LOG_LEVEL: 'info' })
  let url = server.url()
  let acknowledged = 0

  async function killAndStartAgain(): Promise<void> {
    server.kill('SIGKILL')
    await server.ended()
    server = startServer({ ...t.env, LOG_LEVEL: 'info' })
    url = server.url()
  }

  const post = async (i: number, authorization: string) => {
    const response = await fetch(`${await url}/appointments`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', 'idempotency-key': `kill-${i}` },
      body: JSON.stringify(bookingOf(i)),
    })
    return { status: response.status, text: await response.text(), etag: response.headers.get('etag') }
  }

  /** Repeats the request under one idempotency key until the answer is final. */
  async function bookUntilAnswered(i: number, authorization: string) {
    for (;;) {
      const answer = await post(i, authorization).catch(() => undefined)
      const tryAgain =
        !answer || answer.status === 503 || (answer.status === 409 && answer.text.includes('in_progress'))
      if (!tryAgain) return answer
    }
  }

  const answers: Awaited<ReturnType<typeof post>>[] = []
  const client = async (c: number) => {
    const authorization = `Bearer ${await signAccessToken(t.deps.config, patients[c]!.actor, new Date())}`
    for (let i = c; i < BOOKINGS; i += CLIENTS) {
      answers[i] = await bookUntilAnswered(i, authorization)
      acknowledged++
      const killsDue = Math.floor((acknowledged * (KILLS + 1)) / BOOKINGS)
      if (killsDue > kills && kills < KILLS) {
        kills++
        killing = killing.then(killAndStartAgain)
      }
    }
  }
  let kills = 0
  let killing = Promise.resolve()
  await Promise.all(patients.map((_, c) => client(c)))
  await killing

  expect(kills).toBe(KILLS)
  expect(answers.map(({ status }) => status)).toEqual(Array(BOOKINGS).fill(201))
  const ids = answers.map(({ text }) => JSON.parse(text).id as string)
  const stored = await t.db.selectFrom('appointments').select('id').where('status', '=', 'booked').execute()
  expect(stored.map(({ id }) => id).sort()).toEqual([...ids].sort())

  const replays = await Promise.all(
    answers.slice(0, 100).map(async (_, i) => {
      const actor = patients[i % CLIENTS]!.actor
      return post(i, `Bearer ${await signAccessToken(t.deps.config, actor, new Date())}`)
    }),
  )
  expect(replays).toEqual(answers.slice(0, 100))
  const events = await t.db.selectFrom('auditOutbox').select('id').where('kind', '=', 'appointment.book').execute()
  const relayed = await t.deps.mongo.collection('audit_logs').countDocuments({ kind: 'appointment.book' })
  expect(events.length + relayed).toBeGreaterThanOrEqual(BOOKINGS)
  server.kill('SIGTERM')
  expect(await server.ended()).toMatchObject({ code: 0 })
}, 120_000)
