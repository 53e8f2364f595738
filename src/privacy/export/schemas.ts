import { z } from '@hono/zod-openapi'
import { AppointmentStatus } from '../../appointments/schemas'
import { Day, Instant, MAX_MINOR_UNITS, Role, Uuid } from '../../http/schemas'
import { PaymentMethod, PaymentStatus } from '../../ledger/schemas'
import { Gender } from '../../patients/schemas'
import { MedicalRecord, Prescription } from '../../records/schemas'
import { AccessLogEntry } from '../access-log/schemas'

const Name = z.string().max(200)
const Version = z.int().min(1).max(2_147_483_647)
const Minutes = z.int().min(0).max(1_000_000)
const Currency = z.string().length(3)
/** Lists are streamed without a limit; the bound is only there because every array in the API document has one. */
const list = <T extends z.ZodType>(item: T) => z.array(item).max(10_000_000)

const profile = z.object({
  id: Uuid,
  name: Name,
  email: z.string().max(254).nullable().openapi({ format: 'email' }),
  phone: z.string().max(31).nullable(),
  dateOfBirth: Day,
  gender: Gender,
  address: z.string().max(500).nullable(),
  erasedAt: Instant.nullable(),
  version: Version,
  createdAt: Instant,
})

const account = z.object({
  id: Uuid,
  email: z.string().max(254).openapi({ format: 'email' }),
  role: Role,
  name: Name,
  phone: z.string().max(31).nullable(),
  status: z.enum(['active', 'disabled']),
  createdAt: Instant,
})

const session = z.object({
  id: Uuid,
  createdAt: Instant,
  lastUsedAt: Instant,
  expiresAt: Instant,
  idleExpiresAt: Instant,
  revokedAt: Instant.nullable(),
  ip: z.string().max(100).nullable(),
  signInNetwork: z.string().max(100).nullable(),
  userAgent: z.string().max(300).nullable(),
})

const appointment = z.object({
  id: Uuid,
  status: AppointmentStatus,
  doctorId: Uuid,
  doctorName: Name,
  clinicId: Uuid,
  clinicName: Name,
  visitTypeId: Uuid,
  visitTypeName: Name,
  startsAt: Instant,
  endsAt: Instant,
  originalEndsAt: Instant.openapi({ description: 'As at booking, or as the patient or an admin last moved it.' }),
  date: Day,
  timeZone: z.string().max(64),
  mode: z.enum(['in_person', 'telehealth']),
  priceAmount: z.int().min(0).max(MAX_MINOR_UNITS),
  priceCurrency: Currency,
  cancellationFreeUntilMinutes: Minutes,
  cancellationLateRefundPercent: z.int().min(0).max(100),
  freeUntil: Instant.openapi({ description: 'Until when the patient cancels free of charge.' }),
  requiresPrepayment: z.boolean(),
  reason: z.string().max(1000).nullable().openapi({ description: 'Always null for admins.' }),
  holdExpiresAt: Instant.nullable(),
  createdBy: Uuid,
  createdByRole: Role,
  accessBasis: z.enum(['relationship', 'emergency']).openapi({ description: 'What let a doctor book.' }),
  createdAt: Instant,
  cancelledAt: Instant.nullable(),
  cancelledBy: Uuid.nullable(),
  cancellationReason: z.string().max(1000).nullable().openapi({ description: 'Always null for admins.' }),
  undoneAt: Instant.nullable().openapi({ description: 'When a status change was last undone.' }),
  undoneBy: Uuid.nullable(),
  undoReason: z.string().max(1000).nullable().openapi({ description: 'Always null for admins.' }),
  version: Version,
})

const payment = z.object({
  id: Uuid,
  appointmentId: Uuid,
  amount: z.int().min(1).max(MAX_MINOR_UNITS),
  currency: Currency,
  method: PaymentMethod,
  provider: z.string().max(40),
  status: PaymentStatus,
  providerRef: z.string().max(500).nullable(),
  failureCode: z.string().max(200).nullable(),
  chargedAmount: z.int().min(0).max(MAX_MINOR_UNITS),
  refundedAmount: z.int().min(0).max(MAX_MINOR_UNITS),
  resolution: z.string().max(60).nullable(),
  createdBy: Uuid,
  paidAt: Instant.nullable(),
  createdAt: Instant,
})

const paymentEntry = z.object({
  id: Uuid,
  paymentId: Uuid,
  kind: z.enum(['charge', 'refund']),
  amount: z.int().min(1).max(MAX_MINOR_UNITS),
  currency: Currency,
  status: z.enum(['pending', 'succeeded', 'failed']),
  provider: z.string().max(40),
  providerRef: z.string().max(500).nullable(),
  reason: z.string().max(60).nullable(),
  note: z.string().max(1000).nullable(),
  failureCode: z.string().max(200).nullable(),
  createdBy: Uuid.nullable(),
  createdAt: Instant,
  settledAt: Instant.nullable(),
})

const waitlistEntry = z.object({
  id: Uuid,
  doctorId: Uuid.nullable(),
  specialization: z.string().max(200).nullable(),
  clinicId: Uuid.nullable(),
  startsOn: Day,
  endsOn: Day,
  status: z.string().max(20),
  offerId: Uuid.nullable(),
  createdBy: Uuid,
  createdByRole: Role,
  createdAt: Instant,
})

const emergency = z.object({
  id: Uuid,
  doctorId: Uuid,
  doctorName: Name,
  reason: z.string().max(500),
  createdAt: Instant,
  expiresAt: Instant,
  reviewedAt: Instant.nullable(),
  reviewedBy: Uuid.nullable(),
})

export const PatientExport = z
  .object({
    exportedAt: Instant,
    patient: profile,
    account: account.nullable().openapi({ description: 'Null for a patient without one.' }),
    guardians: list(z.object({ userId: Uuid, name: Name })),
    guardianOf: list(z.object({ patientId: Uuid })),
    sessions: list(session),
    appointments: list(appointment).openapi({ description: 'All appointments, also cancelled and expired ones.' }),
    waitlist: list(waitlistEntry),
    payments: list(payment),
    paymentEntries: list(paymentEntry).openapi({ description: 'Charges and refunds.' }),
    records: list(MedicalRecord).nullable().openapi({ description: 'Null for admins, like `prescriptions`.' }),
    prescriptions: list(Prescription).nullable(),
    emergencyAccess: list(emergency),
    accessLog: list(AccessLogEntry).openapi({ description: 'Newest first, including this request.' }),
  })
  .openapi('PatientExport', {
    example: {
      exportedAt: '2026-03-02T14:00:00Z',
      patient: {
        id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
        name: 'Grace Murray',
        email: 'grace@example.org',
        phone: null,
        dateOfBirth: '1986-12-09',
        gender: 'female',
        address: '7 Elm Row, New York',
        erasedAt: null,
        version: 1,
        createdAt: '2026-01-12T09:00:00Z',
      },
      account: null,
      guardians: [],
      guardianOf: [],
      sessions: [],
      appointments: [],
      waitlist: [],
      payments: [],
      paymentEntries: [],
      records: [],
      prescriptions: [],
      emergencyAccess: [],
      accessLog: [],
    },
  })
export type PatientExport = z.infer<typeof PatientExport>
