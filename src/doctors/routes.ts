import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { availabilityRoutes } from './availability/routes'
import { countDoctorsBySpecialization } from './queries'
import {
  Doctor,
  DoctorPage,
  DoctorPath,
  ListDoctorsQuery,
  MAX_SPECIALIZATIONS,
  Specializations,
  UpdateDoctor,
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
  description: 'Specializations that verified doctors have, by name, with their number of doctors.',
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
    'Verified doctors by name, with their clinics and visit types. `status=pending` lists those who wait for verification, to admins; to anybody else it is empty.',
  access: 'optional',
  who: 'anyone; pending doctors: admins',
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
    'One doctor with clinics and visit types. An unverified one does not exist but for themselves and admins.',
  access: 'optional',
  who: 'anyone; an unverified doctor: that doctor and admins',
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
    'What is left out stays. A new name becomes that of the account too. The licence number of a verified doctor is changed by admins only (403).',
  access: ['doctor', 'admin'],
  who: 'the doctor, admins',
  audit: { kind: 'doctor.update', action: 'U' },
  params: DoctorPath,
  body: UpdateDoctor,
  answer: { status: 200, description: 'The doctor as they are now', schema: Doctor, headers: ['ETag'] },
})

const verifyDoctorOperation = operation({
  method: 'put',
  path: '/doctors/{id}/verify',
  tag: 'Doctors',
  operationId: 'verifyDoctor',
  summary: 'Verify a doctor',
  description: 'From now on the doctor is listed and bookable at `clinicIds`, or at the clinics they have already.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'doctor.verify', action: 'U' },
  params: DoctorPath,
  body: VerifyDoctor,
  answer: { status: 200, description: 'The verified doctor', schema: Doctor, headers: ['ETag'] },
})

const unverifyDoctorOperation = operation({
  method: 'put',
  path: '/doctors/{id}/unverify',
  tag: 'Doctors',
  operationId: 'unverifyDoctor',
  summary: 'Withdraw the verification of a doctor',
  description: 'The doctor is neither listed nor bookable from now on; appointments that exist stay.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'doctor.unverify', action: 'U' },
  params: DoctorPath,
  answer: { status: 200, description: 'The doctor, unverified', schema: Doctor, headers: ['ETag'] },
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

  mutation(updateDoctorOperation, async (ctx, { params, body, ifMatch }) => {
    const doctor = await updateDoctor(ctx, params.id, body, ifMatch)
    return answer(presentDoctor(doctor, ctx.actor), { version: doctor.version, audit: { targetId: doctor.id } })
  })

  mutation(verifyDoctorOperation, async (ctx, { params, body, ifMatch }) => {
    const doctor = await verifyDoctor(ctx, params.id, body.clinicIds, ifMatch)
    return answer(presentDoctor(doctor, ctx.actor), { version: doctor.version, audit: { targetId: doctor.id } })
  })

  mutation(unverifyDoctorOperation, async (ctx, { params, ifMatch }) => {
    const doctor = await unverifyDoctor(ctx, params.id, ifMatch)
    return answer(presentDoctor(doctor, ctx.actor), { version: doctor.version, audit: { targetId: doctor.id } })
  })

  app.route('/', availabilityRoutes(deps))
  app.route('/', visitTypeRoutes(deps))
  return app
}
