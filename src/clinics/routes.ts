import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { READABLE_BY_ROLE } from '../http/operations/replay'
import { createRouter } from '../http/operations/router'
import { cursorAfter, toPage } from '../http/pagination'
import { presentOutsideHours } from '../scheduling/affected/schemas'
import { CURRENCY_CONFLICT, CurrencyConflict } from '../scheduling/schemas'
import { closureRoutes } from './closures/routes'
import { listClinics } from './queries'
import { roomRoutes } from './rooms/routes'
import { Clinic, ClinicPage, ClinicPath, CreateClinic, ListClinicsQuery, UpdateClinic, UpdatedClinic } from './schemas'
import { createClinic, getClinic, presentClinic, updateClinic } from './service'

const listClinicsOperation = operation({
  method: 'get',
  path: '/clinics',
  tag: 'Clinics',
  operationId: 'listClinics',
  summary: 'List clinics',
  description: 'Returns all clinics, newest first.',
  access: 'public',
  who: 'anyone',
  query: ListClinicsQuery,
  answer: { status: 200, description: 'A page of clinics', schema: ClinicPage },
})

const getClinicOperation = operation({
  method: 'get',
  path: '/clinics/{id}',
  tag: 'Clinics',
  operationId: 'getClinic',
  summary: 'Read a clinic',
  description: 'Returns one clinic with its time zone and currency.',
  access: 'public',
  who: 'anyone',
  params: ClinicPath,
  answer: { status: 200, description: 'The clinic', schema: Clinic, headers: ['ETag'] },
})

const createClinicOperation = operation({
  method: 'post',
  path: '/clinics',
  tag: 'Clinics',
  operationId: 'createClinic',
  summary: 'Create a clinic',
  description: 'All local times of the clinic are in its time zone, and all its prices are in its currency.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'clinic.create', action: 'C' },
  body: CreateClinic,
  answer: { status: 201, description: 'The new clinic', schema: Clinic, headers: ['ETag', 'Location'] },
})

const updateClinicOperation = operation({
  method: 'patch',
  path: '/clinics/{id}',
  tag: 'Clinics',
  operationId: 'updateClinic',
  summary: 'Change a clinic',
  description:
    'Existing appointments keep their times and terms. A new time zone moves the working hours of the doctors at this clinic. In that case the answer lists the future appointments that are now outside working hours. ' +
    'A new currency is refused (409) while doctors have active visit types whose prices are in a currency that none of their clinics would have; `visitTypes` names them, and `deactivateVisitTypes` switches them off.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'clinic.update', action: 'U' },
  params: ClinicPath,
  body: UpdateClinic,
  answer: { status: 200, description: 'The changed clinic', schema: UpdatedClinic, headers: ['ETag'] },
  problems: ['invalid_state'],
  problemSchemas: { 409: CurrencyConflict },
  problemExamples: CURRENCY_CONFLICT,
})

export function clinicRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  read(listClinicsOperation, async ({ db }, { query: { limit, cursor } }) => {
    const rows = await listClinics(db, { limit: limit + 1 }, cursorAfter(cursor, 'createdAt'))
    return answer(toPage(rows, limit, (row) => [row.createdAt.toISOString(), row.id], presentClinic))
  })

  read(getClinicOperation, async (ctx, { params }) => {
    const clinic = await getClinic(ctx, params.id)
    return answer(presentClinic(clinic), { version: clinic.version })
  })

  mutation(createClinicOperation, READABLE_BY_ROLE, async (ctx, { body }) => {
    const clinic = await createClinic(ctx, body)
    return answer(presentClinic(clinic), {
      version: clinic.version,
      location: `/clinics/${clinic.id}`,
      audit: { targetId: clinic.id },
    })
  })

  mutation(updateClinicOperation, READABLE_BY_ROLE, async (ctx, { params, body, ifMatch }) => {
    const { clinic, outside } = await updateClinic(ctx, params.id, body, ifMatch)
    return answer(
      { ...presentClinic(clinic), ...(outside && presentOutsideHours(outside)) },
      {
        version: clinic.version,
        audit: { targetId: clinic.id, patientIds: outside?.appointments.map(({ patientId }) => patientId) },
      },
    )
  })

  app.route('/', roomRoutes(deps))
  app.route('/', closureRoutes(deps))
  return app
}
