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
  'adding time off': () => as.post(exceptions, { ...times, doctorId: doctor.id, kind: 'off' }),
  'deleting extra hours': () => as.delete(`${exceptions}/${extra.id}`),
  'closing the clinic': () =>
    as.post(`/clinics/${clinic.id}/closures`, { startsOn: '2030-07-01', endsOn: '2030-07-01' }),
  'changing the time zone of the clinic': () => as.patch(`/clinics/${clinic.id}`, { timeZone: 'Europe/Berlin' }),
  'setting hours': () => as.post('/doctors/availability', { doctorId: doctor.id, weekly: [] }),
  'adding a visit type': () => as.post(`${path}/visit-types`, { name: 'New', price: { amount: 0, currency: 'USD' } }),
  'changing a visit type': () => as.patch(`${path}/visit-types/${doctor.visitTypeId}`, { durationMinutes: 45 }),
  'verifying the doctor': () => as.put(`${path}/verify`, { clinicIds: [clinic.id] }),
  'disabling the account of the doctor': () => as.patch(`/users/${doctor.actor.userId}`, { status: 'disabled' }),
  'enabling the account of the doctor': () => as.patch(`/users/${doctor.actor.userId}`, { status: 'active' }),
  'unverifying the doctor': () => as.put(`${path}/unverify`),
}

for (const [name, write] of Object.entries(writers))
  test(`${name} waits for the lock under which the doctor is booked`, async () => {
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

/** Waits until a backend waits for an advisory lock of this database, at most until the test times out. */
async function someoneWaits(): Promise<void> {
  const waiting = `
    select 1 from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`
  while ((await t.deps.postgres.pool.query(waiting)).rowCount === 0);
}
