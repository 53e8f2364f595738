import { Kysely, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import pg from 'pg'
import { type Connection, connectionOptions } from '../src/database/connection'
import { prepareSchema } from '../src/database/prepare-schema'
import { checkDatabase, checkRequirements } from '../src/database/requirements'
import { installJobs } from '../src/jobs/install'
import { SchemaDialect } from './migration-lock'
import * as createUsers from './migrations/20261122T0900-create-users'
import * as createClinicsAndDoctors from './migrations/20261122T0910-create-clinics-and-doctors'
import * as createPatients from './migrations/20261122T0920-create-patients'
import * as createAppointments from './migrations/20261122T0930-create-appointments'
import * as createPayments from './migrations/20261122T0940-create-payments'
import * as createIdempotencyAndAudit from './migrations/20261122T0950-create-idempotency-and-audit'
import * as createRooms from './migrations/20261122T1000-create-rooms'
import * as addAvailabilityVersion from './migrations/20261122T1005-add-availability-version'
import * as auditChain from './migrations/20261122T1010-audit-chain'
import * as emergencyAccess from './migrations/20261122T1030-emergency-access'
import * as appointmentLifecycle from './migrations/20261122T1040-appointment-lifecycle'
import * as auditWriteId from './migrations/20261122T1045-audit-write-id'
import * as createWaitlist from './migrations/20261122T1050-create-waitlist'
import * as paymentLedger from './migrations/20261122T1055-payment-ledger'
import * as idempotencyAuditFacts from './migrations/20261122T1056-idempotency-audit-facts'
import * as paymentReconciliations from './migrations/20261122T1057-payment-reconciliations'
import * as ledgerSums from './migrations/20261122T1100-ledger-sums'
import * as calendarVersions from './migrations/20261126T1800-calendar-versions'
import * as coveringOccupancy from './migrations/20261126T2230-covering-occupancy'
import * as relationshipEvidence from './migrations/20261130T1000-relationship-evidence'
import * as freeUntil from './migrations/20261130T1010-free-until'
import * as disabledDoctors from './migrations/20261130T1100-disabled-doctors'
import * as currencyRenewsCalendars from './migrations/20261130T1110-currency-renews-calendars'
import * as idempotencyPrecondition from './migrations/20261130T1200-idempotency-precondition'
import * as unreadableEvents from './migrations/20261130T1300-unreadable-events'
import * as signInNetworks from './migrations/20261130T1400-sign-in-networks'
import * as passwordCostIndex from './migrations/20261130T1410-password-cost-index'
import * as composeNames from './migrations/20261130T1500-compose-names'
import * as searchPeople from './migrations/20261130T1510-search-people'
import * as eventRetries from './migrations/20261201T2200-event-retries'
import * as providerRetries from './migrations/20261201T2300-provider-retries'
import * as paymentAttention from './migrations/20261201T2310-payment-attention'

/** A list, since a compiled binary has no folder to read. The database stores the names. */
export const migrations: Record<string, Migration> = {
  '20261122T0900-create-users': createUsers,
  '20261122T0910-create-clinics-and-doctors': createClinicsAndDoctors,
  '20261122T0920-create-patients': createPatients,
  '20261122T0930-create-appointments': createAppointments,
  '20261122T0940-create-payments': createPayments,
  '20261122T0950-create-idempotency-and-audit': createIdempotencyAndAudit,
  '20261122T1000-create-rooms': createRooms,
  '20261122T1005-add-availability-version': addAvailabilityVersion,
  '20261122T1010-audit-chain': auditChain,
  '20261122T1030-emergency-access': emergencyAccess,
  '20261122T1040-appointment-lifecycle': appointmentLifecycle,
  '20261122T1045-audit-write-id': auditWriteId,
  '20261122T1050-create-waitlist': createWaitlist,
  '20261122T1055-payment-ledger': paymentLedger,
  '20261122T1056-idempotency-audit-facts': idempotencyAuditFacts,
  '20261122T1057-payment-reconciliations': paymentReconciliations,
  '20261122T1100-ledger-sums': ledgerSums,
  '20261126T1800-calendar-versions': calendarVersions,
  '20261126T2230-covering-occupancy': coveringOccupancy,
  '20261130T1000-relationship-evidence': relationshipEvidence,
  '20261130T1010-free-until': freeUntil,
  '20261130T1100-disabled-doctors': disabledDoctors,
  '20261130T1110-currency-renews-calendars': currencyRenewsCalendars,
  '20261130T1200-idempotency-precondition': idempotencyPrecondition,
  '20261130T1300-unreadable-events': unreadableEvents,
  '20261130T1400-sign-in-networks': signInNetworks,
  '20261130T1410-password-cost-index': passwordCostIndex,
  '20261130T1500-compose-names': composeNames,
  '20261130T1510-search-people': searchPeople,
  '20261201T2200-event-retries': eventRetries,
  '20261201T2300-provider-retries': providerRetries,
  '20261201T2310-payment-attention': paymentAttention,
}

/** Statements may take as long as they need, but an idle transaction of another program does not block them for ever. */
const PURPOSE = {
  name: 'clinic-api migrations',
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 0,
  lockTimeoutMs: 10_000,
  idleInTransactionMs: 0,
}

export type PostgresConnection = Connection

/**
 * Applies pending migrations over a connection of its own; copies that start together wait for each other. A database newer
 * than this code is left unchanged, with a warning, so that the code can start after a rollback.
 */
export async function migrate(connection: PostgresConnection, log: (line: string) => void = () => {}): Promise<void> {
  const pool = new pg.Pool({
    ...connectionOptions(connection, PURPOSE),
    max: 1,
  })
  pool.on('error', () => {})
  logWarnings(pool, log)
  let schema = 'public'
  const db = new Kysely<never>({ dialect: new SchemaDialect({ pool }, () => schema) })
  try {
    await checkDatabase(pool)
    await prepareSchema(pool, connection)
    await checkRequirements(pool, { migrates: true })
    schema = await currentSchema(db)
    const newer = await unknownMigrations(db, schema)
    if (newer.length > 0)
      return log(`warning: the database is newer than this code (${newer.join(', ')}); left unchanged`)
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => migrations },
      // Without it, a table of that name in any schema of the database counts.
      migrationTableSchema: schema,
    })
    const { error, results = [] } = await migrator.migrateToLatest()
    for (const { migrationName, status } of results) if (status === 'Success') log(`migrated ${migrationName}`)
    if (error) throw error
    await installJobs(connection)
  } finally {
    await db.destroy()
  }
}

/** Logs what a migration reports by `raise warning`. */
export function logWarnings(pool: pg.Pool, log: (line: string) => void): void {
  pool.on('connect', (client) =>
    client.on('notice', ({ severity, message }) => severity === 'WARNING' && log(`warning: ${message}`)),
  )
}

async function currentSchema(db: Kysely<never>): Promise<string> {
  const { rows } = await sql<{ schema: string }>`select current_schema() as schema`.execute(db)
  return rows[0]!.schema
}

async function unknownMigrations(db: Kysely<never>, schema: string): Promise<string[]> {
  const { rows: tables } =
    await sql`select 1 from pg_tables where schemaname = ${schema} and tablename = 'kysely_migration'`.execute(db)
  if (tables.length === 0) return []
  const { rows } = await sql<{ name: string }>`select name from ${sql.id(schema, 'kysely_migration')}`.execute(db)
  return rows.map(({ name }) => name).filter((name) => !(name in migrations))
}
