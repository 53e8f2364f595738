import { expect, test } from 'bun:test'
import { lockResources } from '../../src/database/transaction'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const path = `/doctors/${doctor.id}`
const as = t.as(admin)

const times = { startsAt: '2030-07-01T13:00:00Z', endsAt: '2030-07-01T21:00:00Z' }
const exceptions = '/doctors/availability/exceptions'
const { body: extra } = await as.post(exceptions, { ...times, doctorId: doctor.id, kind: 'extra' })

const writers = {
  'of time off': () => as.post(exceptions, { ...times, doctorId: doctor.id, kind: 'off' }),
  'who takes extra hours back': () => as.delete(`${exceptions}/${extra.id}`),
  'of a closure of the clinic': () =>
    as.post(`/clinics/${clinic.id}/closures`, { startsOn: '2030-07-01', endsOn: '2030-07-01' }),
  "of the clinic's time zone": () => as.patch(`/clinics/${clinic.id}`, { timeZone: 'Europe/Berlin' }),
  'of hours': () => as.post('/doctors/availability', { doctorId: doctor.id, weekly: [] }),
  'of a new visit type': () => as.post(`${path}/visit-types`, { name: 'New', price: { amount: 0, currency: 'USD' } }),
  'of a visit type': () => as.patch(`${path}/visit-types/${doctor.visitTypeId}`, { durationMinutes: 45 }),
  'of verification': () => as.put(`${path}/verify`, { clinicIds: [clinic.id] }),
  'of its withdrawal': () => as.put(`${path}/unverify`),
}

for (const [name, write] of Object.entries(writers))
  test(`a writer ${name} waits for the lock under which the doctor is booked`, async () => {
    const order: string[] = []
    let written: Promise<unknown> | undefined
    await t.deps.postgres.transaction([], async (trx) => {
      await lockResources(trx, [doctor.id])
      written = write().then(({ status }) => order.push(`written ${Math.floor(status / 100)}xx`))
      await someoneWaits()
      order.push('released')
    })
    await written
    expect(order).toEqual(['released', 'written 2xx'])
  })

/** Until a backend waits for an advisory lock of this database; the test's own timeout ends a wait in vain. */
async function someoneWaits(): Promise<void> {
  const waiting = `
    select 1 from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`
  while ((await t.deps.postgres.pool.query(waiting)).rowCount === 0);
}
