import { offerFreedTime } from '../../src/waitlist/offer'
import type { Call, Entry } from './call'
import type { World } from './world'

/** Uses a new child and a new doctor, since a patient may have few entries in the waiting list. */
async function newWish({ t, clinic, owner }: World) {
  const child = await t.newPatient({ account: false })
  const guardian = { userId: owner.patient.userId, patientId: child.id }
  await t.db.insertInto('patientGuardians').values(guardian).execute()
  const doctor = await t.newDoctor({ clinicId: clinic.id })
  return { doctor, body: { doctorId: doctor.id, patientId: child.id, from: '2026-01-05', to: '2026-01-16' } }
}

async function ofWaiting(world: World, stage: 'waiting' | 'offered' = 'waiting'): Promise<Call> {
  const { t, clinic, owner } = world
  const { doctor, body } = await newWish(world)
  const entry = await t.as(owner.patient).post('/waitlist', body)
  if (stage === 'offered') {
    const startsAt = '2026-01-06T15:00:00Z'
    const freed = await t.newAppointment({ patient: await t.newPatient(), doctor, startsAt, status: 'cancelled' })
    const time = { doctorId: doctor.id, clinicId: clinic.id, startsAt }
    await offerFreedTime(t.deps, { ...time, appointmentId: freed.id, was: 'booked' })
  }
  return { path: { id: entry.body.id } }
}

let series = 0
/** Two Mondays, on which the world has nothing else, at a time that no other series has. */
function ofNewSeries({ doctor, patient }: World): Call {
  const [fortnight, slot] = [Math.floor(series / 16), series++ % 16]
  const startsAt = new Date(Date.parse('2026-01-12T14:00:00Z') + fortnight * 14 * 86_400_000 + slot * 1_800_000)
  const whose = { doctorId: doctor.id, patientId: patient.id, startsAt: startsAt.toISOString() }
  return { body: { ...whose, every: { weeks: 1 }, count: 2, mode: 'all_or_nothing' } }
}

/** Series and the waiting list. */
export const WAITING_CALLS: Record<string, Entry> = {
  'POST /appointments/series': { call: ofNewSeries, strangers: { patient: 404, doctor: 403 }, thing: 'patientId' },
  'POST /waitlist': {
    call: async (world) => ({ body: (await newWish(world)).body }),
    strangers: { patient: 404 },
    thing: 'patientId',
  },
  'GET /waitlist': {
    call: async (world) => {
      await ofWaiting(world)
      return {}
    },
    strangers: { patient: 'empty' },
  },
  'GET /waitlist/{id}': { call: (world) => ofWaiting(world), strangers: { patient: 404 } },
  'DELETE /waitlist/{id}': { call: (world) => ofWaiting(world), strangers: { patient: 404 } },
  'PUT /waitlist/{id}/accept': { call: (world) => ofWaiting(world, 'offered'), strangers: { patient: 404 } },
  'PUT /waitlist/{id}/decline': { call: (world) => ofWaiting(world, 'offered'), strangers: { patient: 404 } },
}
