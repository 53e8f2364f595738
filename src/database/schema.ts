import type { AppointmentsTables } from '../appointments/tables'
import type { AuditTables } from '../audit/tables'
import type { AuthTables } from '../auth/tables'
import type { ClinicsTables } from '../clinics/tables'
import type { DoctorsTables } from '../doctors/tables'
import type { IdempotencyTables } from '../http/idempotency/tables'
import type { LedgerTables } from '../ledger/tables'
import type { PatientsTables } from '../patients/tables'
import type { PaymentsTables } from '../payments/tables'
import type { WaitlistTables } from '../waitlist/tables'

/** Every PostgreSQL table, each declared by the feature that owns it. */
export type Database = AuthTables &
  ClinicsTables &
  DoctorsTables &
  PatientsTables &
  AppointmentsTables &
  LedgerTables &
  PaymentsTables &
  AuditTables &
  IdempotencyTables &
  WaitlistTables
