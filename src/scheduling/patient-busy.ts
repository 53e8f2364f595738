import { sql } from 'kysely'
import { preparedForViewer, visiblePatients } from '../access/patients'
import { busyRanges, type FactsSearch } from './query-fragments'

const selectPatientBusy = preparedForViewer((db, viewer, search: FactsSearch & { patientId: string }) =>
  db
    .selectFrom('patients')
    .select(['patients.erasedAt', busyRanges(search, sql.ref('patients.id')).as('busy')])
    .where('patients.id', '=', search.patientId)
    .where(visiblePatients(viewer)),
)

/** The patient's busy ranges, if the viewer may see the patient. */
export async function findPatientBusy(...search: Parameters<typeof selectPatientBusy>) {
  const found = await selectPatientBusy(...search)
  return found && { ...found, busy: found.busy.starts.map((start, i) => ({ start, end: found.busy.ends[i]! })) }
}
