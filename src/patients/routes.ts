import { findPeople, type PeopleSearch } from '../database/people-search'
import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { cursorAfter, toPage } from '../http/pagination'
import { readHistory } from '../records/service'
import { emergencyRoutes } from './emergency/routes'
import { guardianRoutes } from './guardians/routes'
import { searchVisiblePatients } from './queries'
import { READABLE_PATIENT } from './replay'
import { CreatePatient, Patient, PatientPage, PatientPath, SearchPatientsQuery, UpdatePatient } from './schemas'
import { createPatient, getPatient, presentPatient, updatePatient } from './service'

const searchPatientsOperation = operation({
  method: 'get',
  path: '/patients',
  tag: 'Patients',
  operationId: 'searchPatients',
  summary: 'Search patients',
  description:
    'Finds patients by words in their name, email or phone, newest first. A search that finds nobody is repeated with one typo forgiven in each word of four letters or more. `history` is null in lists.',
  access: ['doctor', 'admin'],
  who: 'doctors for patients with whom they have a treatment relationship, admins for all patients',
  audit: { kind: 'patient.list', action: 'R' },
  query: SearchPatientsQuery,
  answer: { status: 200, description: 'A page of patients', schema: PatientPage },
})

const getPatientOperation = operation({
  method: 'get',
  path: '/patients/{id}',
  tag: 'Patients',
  operationId: 'getPatient',
  summary: 'Read a patient',
  description:
    'Returns the profile with the newest 20 records and prescriptions. Admins get the profile with `history: null`.',
  access: ['patient', 'doctor', 'admin'],
  who: 'patients for themselves and their wards, doctors for patients with whom they have a treatment relationship, admins',
  audit: { kind: 'patient.read', action: 'R' },
  params: PatientPath,
  answer: { status: 200, description: 'The patient', schema: Patient, headers: ['ETag'] },
})

const createPatientOperation = operation({
  method: 'post',
  path: '/patients',
  tag: 'Patients',
  operationId: 'createPatient',
  summary: 'Create a patient',
  description: 'Creates a patient without an account, for bookings by telephone and for children.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'patient.create', action: 'C' },
  body: CreatePatient,
  answer: { status: 201, description: 'The new patient', schema: Patient, headers: ['ETag', 'Location'] },
})

const updatePatientOperation = operation({
  method: 'patch',
  path: '/patients/{id}',
  tag: 'Patients',
  operationId: 'updatePatient',
  summary: 'Update a patient',
  description:
    "Fields that are left out do not change; null clears a field. Name and phone change in the patient's account too; the account's email does not. `history` is null in the answer.",
  access: ['patient', 'admin'],
  who: 'patients for themselves and their wards, admins',
  audit: { kind: 'patient.update', action: 'U' },
  params: PatientPath,
  body: UpdatePatient,
  answer: { status: 200, description: 'The updated patient', schema: Patient, headers: ['ETag'] },
  problems: ['invalid_state'],
})

export function patientRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)
  app.route('/', emergencyRoutes(deps))
  app.route('/', guardianRoutes(deps))

  read(searchPatientsOperation, async (ctx, { query: { limit, cursor, q } }) => {
    const after = cursorAfter(cursor, 'createdAt')
    const find = (search?: PeopleSearch) => searchVisiblePatients(ctx.db, ctx, { search, limit: limit + 1, after })
    const rows = await (q === undefined ? find() : findPeople(q, find))
    const page = toPage(
      rows,
      limit,
      (row) => [row.createdAt.toISOString(), row.id],
      (row) => presentPatient(row),
    )
    return answer(page, { audit: { patientIds: page.data.map((patient) => patient.id) } })
  })

  read(getPatientOperation, async (ctx, { params: { id } }) => {
    const patient = await getPatient(ctx, id)
    const history = ctx.actor.role === 'admin' ? null : await readHistory(ctx, id)
    return answer(presentPatient(patient, history), {
      version: patient.version,
      audit: { patientIds: [id], targetId: id },
    })
  })

  mutation(createPatientOperation, READABLE_PATIENT, async (ctx, { body }) => {
    const patient = await createPatient(ctx, body)
    return answer(presentPatient(patient), {
      version: patient.version,
      location: `/patients/${patient.id}`,
      audit: { patientIds: [patient.id], targetId: patient.id },
    })
  })

  mutation(updatePatientOperation, READABLE_PATIENT, async (ctx, { params: { id }, body, ifMatch }) => {
    const patient = await updatePatient(ctx, id, body, ifMatch)
    return answer(presentPatient(patient), {
      version: patient.version,
      audit: { patientIds: [id], targetId: id },
    })
  })

  return app
}
