import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { READABLE_BY_ROLE } from '../http/operations/replay'
import { createRouter } from '../http/operations/router'
import { presentAffected, presentOutsideHours } from '../scheduling/affected/schemas'
import { CURRENCY_CONFLICT, CurrencyConflict } from '../scheduling/schemas'
import { availabilityRoutes } from './availability/routes'
import { countDoctorsBySpecialization } from './queries'
import {
  Doctor,
  DoctorPage,
  DoctorPath,
  ListDoctorsQuery,
  MAX_SPECIALIZATIONS,
  Specializations,
  UnverifiedDoctor,
  UpdateDoctor,
  VerifiedDoctor,
  VerifyDoctor,
} from './schemas'
import { findDoctors, getDoctor, presentDoctor, unverifyDoctor, updateDoctor, verifyDoctor } from './service'
import { visitTypeRoutes } from './visit-types/routes'

const listSpecializationsOperation = operation({
  method: 'get',
  path: '/specializations',
  tag: 'Doctors',
  operationId: 'listSpecializations',
  summary: 'List specializations',
  description: 'Returns the specializations of verified doctors by name, with the number of doctors.',
  access: 'public',
  who: 'anyone',
  answer: { status: 200, description: 'All specializations', schema: Specializations },
})

const listDoctorsOperation = operation({
  method: 'get',
  path: '/doctors',
  tag: 'Doctors',
  operationId: 'listDoctors',
  summary: 'Find doctors',
  description:
    'Returns verified doctors by name, with their clinics and visit types. `status=pending` lists unverified doctors, for admins only; all others get an empty list. Doctors whose account is disabled are not listed.',
  access: 'optional',
  who: 'anyone; pending doctors: only admins',
  query: ListDoctorsQuery,
  answer: { status: 200, description: 'A page of doctors', schema: DoctorPage },
})

const getDoctorOperation = operation({
  method: 'get',
  path: '/doctors/{id}',
  tag: 'Doctors',
  operationId: 'getDoctor',
  summary: 'Read a doctor',
  description:
    'Returns one doctor with clinics and visit types. An unverified or disabled doctor is found only by that doctor and by admins.',
  access: 'optional',
  who: 'anyone; an unverified or disabled doctor: only that doctor and admins',
  params: DoctorPath,
  answer: { status: 200, description: 'The doctor', schema: Doctor, headers: ['ETag'] },
})

const updateDoctorOperation = operation({
  method: 'patch',
  path: '/doctors/{id}',
  tag: 'Doctors',
  operationId: 'updateDoctor',
  summary: 'Change a doctor',
  description:
    'Fields that are not sent do not change. A new name becomes the name of the account too. Only admins may change the licence number of a verified doctor (403).',
  access: ['doctor', 'admin'],
  who: 'the doctor, admins',
  audit: { kind: 'doctor.update', action: 'U' },
  params: DoctorPath,
  body: UpdateDoctor,
  answer: { status: 200, description: 'The changed doctor', schema: Doctor, headers: ['ETag'] },
})

const verifyDoctorOperation = operation({
  method: 'put',
  path: '/doctors/{id}/verify',
  tag: 'Doctors',
  operationId: 'verifyDoctor',
  summary: 'Verify a doctor',
  description:
    'The doctor is now listed and can be booked at `clinicIds`, or at their present clinics when it is not sent. With `clinicIds` the answer lists the future appointments at clinics that the doctor has left. ' +
    'The price of every active visit type must be in the currency of one of the clinics (409).',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'doctor.verify', action: 'U' },
  params: DoctorPath,
  body: VerifyDoctor,
  answer: { status: 200, description: 'The verified doctor', schema: VerifiedDoctor, headers: ['ETag'] },
  problems: ['invalid_state'],
  problemSchemas: { 409: CurrencyConflict },
  problemExamples: CURRENCY_CONFLICT,
})

const unverifyDoctorOperation = operation({
  method: 'put',
  path: '/doctors/{id}/unverify',
  tag: 'Doctors',
  operationId: 'unverifyDoctor',
  summary: 'Unverify a doctor',
  description:
    'The doctor is no longer listed and can no longer be booked. Existing appointments stay, and the answer lists the future ones.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'doctor.unverify', action: 'U' },
  params: DoctorPath,
  answer: { status: 200, description: 'The unverified doctor', schema: UnverifiedDoctor, headers: ['ETag'] },
})

export function doctorRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  read(listSpecializationsOperation, async ({ db, config }) =>
    answer(await countDoctorsBySpecialization(db, MAX_SPECIALIZATIONS, config.doctorVerification)),
  )

  read(listDoctorsOperation, async (ctx, { query }) => answer(await findDoctors(ctx, query)))

  read(getDoctorOperation, async (ctx, { params }) => {
    const doctor = await getDoctor(ctx, params.id)
    return answer(presentDoctor(doctor, ctx.actor), { version: doctor.version })
  })

  mutation(updateDoctorOperation, READABLE_BY_ROLE, async (ctx, { params, body, ifMatch }) => {
    const doctor = await updateDoctor(ctx, params.id, body, ifMatch)
    return answer(presentDoctor(doctor, ctx.actor), { version: doctor.version, audit: { targetId: doctor.id } })
  })

  mutation(verifyDoctorOperation, READABLE_BY_ROLE, async (ctx, { params, body, ifMatch }) => {
    const { doctor, outside } = await verifyDoctor(ctx, params.id, body.clinicIds, ifMatch)
    return answer(
      { ...presentDoctor(doctor, ctx.actor), ...(outside && presentOutsideHours(outside)) },
      {
        version: doctor.version,
        audit: { targetId: doctor.id, patientIds: outside?.appointments.map(({ patientId }) => patientId) },
      },
    )
  })

  mutation(unverifyDoctorOperation, READABLE_BY_ROLE, async (ctx, { params, ifMatch }) => {
    const { doctor, affected } = await unverifyDoctor(ctx, params.id, ifMatch)
    return answer(
      { ...presentDoctor(doctor, ctx.actor), ...presentAffected(affected) },
      {
        version: doctor.version,
        audit: { targetId: doctor.id, patientIds: affected.appointments.map(({ patientId }) => patientId) },
      },
    )
  })

  app.route('/', availabilityRoutes(deps))
  app.route('/', visitTypeRoutes(deps))
  return app
}
