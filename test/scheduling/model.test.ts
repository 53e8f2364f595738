import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { expireHolds } from '../../src/appointments/holds/service'
import type { SchedulingFacts } from '../../src/scheduling/slots'
import { createTestApp } from '../support/app'
import { occupancyFaults } from '../support/occupancy'
import { live, type Run, settledBy, step } from './model-clients'
import { createOracle, type TimeOff, type Told } from './model-oracle'
import { type Copy, createModelWorld, type Doctor, type World } from './model-world'
import { startsByBruteForce } from './oracle'

const FULL = process.env.TEST_SCALE === 'full'
const STEPS = FULL ? 400 : 10
const DAYS = FULL ? 5 : 2
const MINUTE = 60_000
const TIME_LIMIT = FULL ? 600_000 : 60_000

const seed = Number(process.env.TEST_SEED ?? crypto.getRandomValues(new Int32Array(1))[0])
const t = await createTestApp()

test(
  'the answers to twenty clients at three copies with different clocks, and the stored rows, follow from one order of events',
  async () => {
    const world = await createModelWorld(t, { patients: 12, days: DAYS })
    const roomsOf = (clinicId: string) => world.clinics.find(({ id }) => id === clinicId)!.roomIds
    const oracle = createOracle({ doctors: world.doctors, roomsOf })
    const run: Run = { world, oracle, outcomes: {}, faults: [] }
    const clients = [
      ...world.patients.map(({ id, actor }) => ({ actor, patientId: id })),
      ...world.doctors.map((doctor) => ({ actor: doctor.actor, doctor })),
      ...[0, 1, 0, 1].map((i) => ({ actor: world.admins[i]! })),
    ]
    const scripts = fc.sample(fc.array(step, { minLength: STEPS, maxLength: STEPS }), { seed, numRuns: clients.length })
    const began = performance.now()
    await Promise.all(clients.map((client, i) => live(run, client, scripts[i]!)))
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    console.log(`model: seed ${seed}, ${oracle.changes} changes in ${seconds} s, ${JSON.stringify(run.outcomes)}`)

    expect(run.faults).toEqual([])
    expect(oracle.faults(await storedRows())).toEqual([])
    expect(await occupancyFaults(t)).toEqual([])
    const everySearchAgrees = async () => {
      for (const copy of world.copies) await searchAgrees(world, copy, oracle.latest(), oracle.timeOff)
    }
    await everySearchAgrees()
    // Every hold has expired by every clock; searches do not wait for the job.
    t.clock.advance(settledBy(t.deps.config.holdMinutes))
    await everySearchAgrees()
    await expireAllHolds(world)
    expect(await occupancyFaults(t)).toEqual([])
    await everySearchAgrees()
  },
  TIME_LIMIT,
)

const storedRows = () =>
  t.db.selectFrom('appointments').select(['id', 'version', 'status', 'startsAt', 'clinicId', 'roomId']).execute()

async function expireAllHolds({ copies }: World): Promise<void> {
  const { deps, now } = copies[0]!
  while ((await expireHolds(deps, new Date(now()))) > 0);
}

/** The copy offers exactly the starts that a minute-by-minute search finds free, given the answers to the clients. */
async function searchAgrees(world: World, { anonymous, now }: Copy, told: Told[], offs: TimeOff[]): Promise<void> {
  const rows = await storedRows()
  const expired = new Set(rows.filter(({ status }) => status === 'expired').map(({ id }) => id))
  const isLive = ({ id, status, holdExpiresAt }: Told) =>
    status !== 'cancelled' && !expired.has(id) && (status !== 'held' || Date.parse(holdExpiresAt!) > now())
  const live = told.filter(isLive)
  const [from, to] = ['2026-01-05', '2026-01-16']
  for (const doctor of world.doctors) {
    const facts = factsOf(world, doctor, { live, offs, now: now() })
    const { body } = await anonymous.get(`/doctors/${doctor.id}/slots`, { query: { from, to } })
    const offered = body.data.map(({ clinicId, startsAt }: Told & { clinicId: string }) => `${startsAt} ${clinicId}`)
    const free = startsByBruteForce(facts, from, to).map(({ start, clinicId }) => `${instant(start)} ${clinicId}`)
    expect(offered.toSorted()).toEqual(free.toSorted())
  }
}

const instant = (at: number) => new Date(at).toISOString().replace('.000Z', 'Z')

type State = { live: Told[]; offs: TimeOff[]; now: number }

function factsOf({ clinics, doctors }: World, doctor: Doctor, { live, offs, now }: State): SchedulingFacts {
  const takenBy = (isTheirs: (told: Told) => boolean) =>
    live.filter(isTheirs).map((told) => {
      const { bufferBeforeMinutes, bufferAfterMinutes } = doctors.find(({ id }) => id === told.doctor.id)!
      return {
        start: Date.parse(told.startsAt) - bufferBeforeMinutes * MINUTE,
        end: Date.parse(told.endsAt) + bufferAfterMinutes * MINUTE,
      }
    })
  const calendars = clinics
    .filter(({ id }) => doctor.clinicIds.includes(id))
    .map(({ id, timeZone, roomIds, weekly }) => ({
      clinicId: id,
      timeZone,
      schedules: [{ validFrom: null, validUntil: null, windows: weekly }],
      exceptions: offs
        .filter((off) => off.doctorId === doctor.id && off.clinicId === id && off.surelyTo === Number.POSITIVE_INFINITY)
        .map(({ start, end }) => ({ kind: 'off' as const, startsAt: start, endsAt: end })),
      closures: [],
      ...(doctor.requiresRoom && { rooms: roomIds.map((roomId) => takenBy(({ room }) => room?.id === roomId)) }),
    }))
  return {
    visit: { ...doctor, minimumNoticeMinutes: 0, horizonDays: 90 },
    calendars,
    busy: takenBy((told) => told.doctor.id === doctor.id),
    now,
  }
}
