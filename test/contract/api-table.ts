import type { Roles } from '../support/api-document'

type Row = {
  /** `anyone` needs no token. */
  who: 'anyone' | 'signed_in' | Exclude<Roles, string>
  /** Status of success; 200 when left out. */
  status?: 201 | 204
  query?: string
  /** Fields of the body, separated by spaces. */
  body?: string
  /** Fields of the answer, or of each item of a list. */
  answer?: string
  list?: true
  /** Carries ETag; a PATCH or PUT then takes If-Match. */
  versioned?: true
}

const PAGE = 'limit cursor'
const TOKENS = 'accessToken refreshToken tokenType expiresIn user'
const CLINIC = 'id name timeZone currency address phone'
const CLOSURE = 'id startsOn endsOn reason'
const DOCTOR = 'id name specialization bio verified clinics visitTypes'
const SLOT = 'doctorId doctorName clinicId visitTypeId startsAt endsAt localStart'
const VISIT_TERMS =
  'name durationMinutes slotIntervalMinutes bufferBeforeMinutes bufferAfterMinutes mode price minimumNoticeMinutes horizonDays cancellationPolicy requiresRoom requiresPrepayment'
const PATIENT = 'id name email phone dateOfBirth gender address'
const APPOINTMENT =
  'id status patient doctor clinic visitType startsAt endsAt localStart price cancellationPolicy reason payment createdAt version'
const RECORD = 'id patientId doctor type title appointmentId data originalData createdAt amendments attachments'
const PRESCRIPTION = 'id patientId doctor appointmentId medicines createdAt status activeUntil events'
const WAITING = 'id status patient doctor specialization clinic from to offer createdAt'
const PAYMENT =
  'id appointmentId amount currency method provider status failureCode refundable resolution entries createdAt'
const BOTH: Row['who'] = ['patient', 'doctor']
const STAFF: Row['who'] = ['doctor', 'admin']
const ADMIN: Row['who'] = ['admin']

/** The promises of the API contract, written by hand. */
export const API: Record<string, Row> = {
  'POST /auth/register': { who: 'anyone', status: 201, answer: TOKENS },
  'POST /auth/login': { who: 'anyone', body: 'email password', answer: TOKENS },
  'POST /auth/refresh': { who: 'anyone', body: 'refreshToken', answer: TOKENS },
  'POST /auth/logout': { who: 'signed_in', status: 204 },
  'GET /auth/me': { who: 'signed_in', answer: 'id role email name' },
  'GET /auth/sessions': {
    who: 'signed_in',
    list: true,
    query: PAGE,
    answer: 'id createdAt lastUsedAt ip userAgent current',
  },
  'DELETE /auth/sessions/{id}': { who: 'signed_in', status: 204 },
  'PUT /auth/password': { who: 'signed_in', status: 204, body: 'currentPassword newPassword' },
  'GET /users': { who: ADMIN, list: true, query: `role status q ${PAGE}` },
  'PATCH /users/{id}': { who: ADMIN, body: 'status' },

  'GET /clinics': { who: 'anyone', list: true, query: PAGE, answer: CLINIC },
  'GET /clinics/{id}': { who: 'anyone', answer: CLINIC, versioned: true },
  'POST /clinics': {
    who: ADMIN,
    status: 201,
    body: 'name timeZone currency address phone',
    answer: CLINIC,
    versioned: true,
  },
  'PATCH /clinics/{id}': {
    who: ADMIN,
    body: 'name timeZone currency address phone deactivateVisitTypes',
    answer: `${CLINIC} appointmentsOutsideHours`,
    versioned: true,
  },
  'GET /clinics/{id}/rooms': { who: 'signed_in', list: true, query: PAGE, answer: 'id name' },
  'POST /clinics/{id}/rooms': { who: ADMIN, status: 201, body: 'name', answer: 'id name' },
  'GET /clinics/{id}/closures': { who: 'signed_in', list: true, query: PAGE, answer: CLOSURE },
  'POST /clinics/{id}/closures': {
    who: ADMIN,
    status: 201,
    body: 'startsOn endsOn reason',
    answer: `${CLOSURE} affectedAppointments`,
  },
  'DELETE /clinics/{id}/closures/{closureId}': { who: ADMIN, status: 204 },
  'GET /specializations': { who: 'anyone' },

  'GET /doctors': {
    who: 'anyone',
    list: true,
    query: `specialization clinicId q status include ${PAGE}`,
    answer: `${DOCTOR} nextSlot`,
  },
  'GET /doctors/{id}': { who: 'anyone', answer: DOCTOR, versioned: true },
  'PATCH /doctors/{id}': { who: STAFF, answer: DOCTOR, versioned: true },
  'PUT /doctors/{id}/verify': { who: ADMIN, body: 'clinicIds', versioned: true },
  'PUT /doctors/{id}/unverify': { who: ADMIN, versioned: true },
  'POST /doctors/availability': {
    who: STAFF,
    body: 'doctorId clinicId weekly validFrom validUntil',
    answer: 'doctorId clinics exceptions appointmentsOutsideHours',
    versioned: true,
  },
  'POST /doctors/availability/exceptions': {
    who: STAFF,
    status: 201,
    body: 'doctorId clinicId startsAt endsAt kind note',
    answer: 'id clinicId startsAt endsAt kind note affectedAppointments',
  },
  'DELETE /doctors/availability/exceptions/{exceptionId}': { who: STAFF, status: 204 },
  'GET /doctors/{id}/availability': { who: 'signed_in', answer: 'doctorId clinics exceptions', versioned: true },
  'GET /doctors/{id}/slots': { who: 'anyone', list: true, query: 'from to visitTypeId clinicId', answer: SLOT },
  'GET /doctors/{id}/slots/explanation': {
    who: STAFF,
    query: 'startsAt visitTypeId clinicId',
    answer: 'bookable rules',
  },
  'GET /slots': { who: 'anyone', list: true, query: `specialization clinicId from to ${PAGE}`, answer: SLOT },
  'GET /doctors/{id}/visit-types': { who: 'anyone', list: true, query: PAGE, answer: `id active ${VISIT_TERMS}` },
  'POST /doctors/{id}/visit-types': {
    who: STAFF,
    status: 201,
    body: VISIT_TERMS,
    answer: `id active ${VISIT_TERMS}`,
    versioned: true,
  },
  'PATCH /doctors/{id}/visit-types/{visitTypeId}': {
    who: STAFF,
    body: `active ${VISIT_TERMS}`,
    answer: `id active ${VISIT_TERMS}`,
    versioned: true,
  },

  'GET /patients': { who: STAFF, list: true, query: `q ${PAGE}`, answer: PATIENT },
  'POST /patients': { who: ADMIN, status: 201, body: 'name dateOfBirth', answer: PATIENT, versioned: true },
  'GET /patients/{id}': { who: 'signed_in', answer: `${PATIENT} history`, versioned: true },
  'PATCH /patients/{id}': { who: ['patient', 'admin'], answer: PATIENT, versioned: true },
  'GET /patients/{id}/guardians': { who: ['patient', 'admin'], list: true, query: PAGE, answer: 'userId name' },
  'POST /patients/{id}/guardians': { who: ADMIN, status: 201, body: 'userId', answer: 'userId name' },
  'DELETE /patients/{id}/guardians/{userId}': { who: ADMIN, status: 204 },
  'GET /patients/{id}/records': {
    who: BOTH,
    list: true,
    query: `type doctorId from to q ${PAGE}`,
    answer: RECORD,
  },
  'POST /patients/{id}/records': {
    who: ['doctor'],
    status: 201,
    body: 'type title appointmentId data',
    answer: RECORD,
  },
  'GET /records/{id}': { who: BOTH, answer: RECORD },
  'POST /records/{id}/amendments': { who: ['doctor'], status: 201, body: 'reason data', answer: RECORD },
  'POST /records/{id}/attachments': {
    who: ['doctor'],
    status: 201,
    answer: 'id recordId patientId filename contentType size sha256 doctor createdAt',
  },
  'GET /attachments/{id}': { who: BOTH, versioned: true },
  'GET /patients/{id}/prescriptions': {
    who: BOTH,
    list: true,
    query: `doctorId from to activeOn ${PAGE}`,
    answer: PRESCRIPTION,
  },
  'PUT /prescriptions/{id}/stop': { who: ['doctor'], body: 'reason data', answer: PRESCRIPTION },
  'PUT /prescriptions/{id}/renew': { who: ['doctor'], body: 'reason data until', answer: PRESCRIPTION },
  'POST /patients/{id}/prescriptions': { who: ['doctor'], status: 201, body: 'appointmentId medicines' },
  'GET /prescriptions/{id}': { who: BOTH },
  'POST /patients/{id}/emergency-access': { who: ['doctor'], status: 201, body: 'reason', answer: 'expiresAt' },
  'GET /patients/{id}/access-log': {
    who: ['patient', 'admin'],
    list: true,
    query: PAGE,
    answer: 'eventId occurredAt kind action outcome purpose actor doctor targetId',
  },
  'GET /patients/{id}/export': { who: ['patient', 'admin'] },
  'POST /patients/{id}/erase': { who: ADMIN },

  'POST /appointments': {
    who: 'signed_in',
    status: 201,
    body: 'doctorId startsAt visitTypeId clinicId patientId reason hold override',
    answer: `${APPOINTMENT} room holdExpiresAt`,
    versioned: true,
  },
  'GET /appointments': {
    who: 'signed_in',
    list: true,
    query: `status from to doctorId patientId clinicId order ${PAGE}`,
    answer: APPOINTMENT,
  },
  'GET /appointments/{id}': { who: 'signed_in', answer: APPOINTMENT, versioned: true },
  'GET /appointments/{id}/cancellation-quote': {
    who: 'signed_in',
    answer: 'allowed refund policyShare alreadyRefunded policy',
  },
  'PUT /appointments/{id}/reschedule': {
    who: 'signed_in',
    body: 'startsAt clinicId',
    answer: APPOINTMENT,
    versioned: true,
  },
  'PUT /appointments/{id}/check-in': { who: STAFF, body: 'reason', answer: APPOINTMENT, versioned: true },
  'PUT /appointments/{id}/undo-check-in': { who: STAFF, body: 'reason', answer: APPOINTMENT, versioned: true },
  'PUT /appointments/{id}/complete': { who: STAFF, body: 'reason', answer: APPOINTMENT, versioned: true },
  'PUT /appointments/{id}/no-show': { who: STAFF, answer: APPOINTMENT, versioned: true },
  'PUT /appointments/{id}/confirm': { who: 'signed_in', answer: APPOINTMENT, versioned: true },
  'POST /appointments/series': {
    who: 'signed_in',
    status: 201,
    body: 'doctorId startsAt visitTypeId clinicId patientId reason override every count mode dryRun',
    answer: 'occurrences',
  },
  'POST /waitlist': {
    who: ['patient', 'admin'],
    status: 201,
    body: 'doctorId specialization clinicId from to patientId',
    answer: WAITING,
  },
  'GET /waitlist': { who: ['patient', 'admin'], list: true, query: PAGE, answer: WAITING },
  'DELETE /waitlist/{id}': { who: ['patient', 'admin'], status: 204 },
  'PUT /waitlist/{id}/accept': { who: ['patient', 'admin'], answer: WAITING },
  'PUT /waitlist/{id}/decline': { who: ['patient', 'admin'], answer: WAITING },
  'PUT /appointments/{id}/cancel': { who: 'signed_in', body: 'reason', answer: APPOINTMENT, versioned: true },

  'POST /payments': {
    who: ['patient', 'admin'],
    status: 201,
    body: 'appointmentId method',
    answer: `${PAYMENT} clientSecret`,
  },
  'GET /payments': { who: 'signed_in', list: true, query: `appointmentId needsAttention ${PAGE}`, answer: PAYMENT },
  'GET /payments/{id}': { who: 'signed_in', answer: PAYMENT },
  'GET /payments/{id}/receipt': { who: ['patient', 'admin'] },
  'PUT /payments/{id}/mark-paid': { who: ADMIN, answer: PAYMENT },
  'PUT /payments/{id}/clear-attention': { who: ADMIN, answer: PAYMENT },
  'POST /payments/{id}/refunds': { who: ADMIN, status: 201, body: 'amount reason', answer: PAYMENT },
  'POST /webhooks/payments/{provider}': { who: 'anyone', status: 204 },

  'GET /health/live': { who: 'anyone' },
  'GET /health/ready': { who: 'anyone' },
  'GET /metrics': { who: 'anyone' },
  'GET /openapi.json': { who: 'anyone', versioned: true },
  'GET /docs': { who: 'anyone' },
  'GET /audit/verify': { who: ADMIN },
  'GET /audit/{seq}/review': { who: ADMIN },
  'PUT /audit/{seq}/review': { who: ADMIN },
  'GET /audit': { who: ADMIN, list: true, query: `actorId patientId kind from to ${PAGE}` },
}

/** Fields of later versions, which no body may have yet. */
export const LATER: Record<string, string> = {}
