import { type Kysely, sql } from 'kysely'
import type { Database } from '../../src/database/schema'

/**
 * The faults of the occupancy, `[]` when there are none: overlaps of any doctor, patient or room, and every difference
 * between the occupancy and the busy ranges of all appointments that are not cancelled or expired.
 */
export async function occupancyFaults({ db }: { db: Kysely<Database> }): Promise<string[]> {
  const { rows } = await sql<{ fault: string }>`
    with active as (
      select *, tstzrange(starts_at, ends_at) as visit, tstzrange(
        starts_at - make_interval(mins => buffer_before_minutes), ends_at + make_interval(mins => buffer_after_minutes)
      ) as with_buffers
      from appointments where status in ('held', 'booked', 'checked_in', 'completed', 'no_show')
    ), wanted as (
      select id as appointment_id, 'doctor' as kind, doctor_id as resource_id, with_buffers as during, hold_expires_at as expires_at from active
      union all select id, 'patient', patient_id, visit, hold_expires_at from active
      union all select id, 'room', room_id, with_buffers, hold_expires_at from active where room_id is not null
    ), there as (
      select appointment_id, kind, resource_id, during, expires_at from occupancy
    )
    select 'missing ' || row_to_json(missing)::text as fault from (select * from wanted except select * from there) as missing
    union all select 'too much ' || row_to_json(extra)::text from (select * from there except select * from wanted) as extra
    union all
      select 'overlap ' || one.kind || ' ' || one.resource_id || ' ' || one.during::text || ' ' || other.during::text
      from wanted as one join wanted as other on one.resource_id = other.resource_id
        and one.appointment_id < other.appointment_id and one.during && other.during`.execute(db)
  return rows.map(({ fault }) => fault)
}
