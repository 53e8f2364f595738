import { expressionBuilder } from 'kysely'
import { preparedOneRow } from '../../database/audited-read'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'
import { selectAppointments } from '../queries'

/** An appointment with all its payments, whatever their status. */
export const findAppointmentToQuote = preparedOneRow((db, actor, { id }) =>
  selectAppointments(db, actor).where('appointments.id', '=', id).select(jsonRows(allPayments()).as('payments')),
)

const allPayments = () =>
  expressionBuilder<Database, 'appointments'>()
    .selectFrom('payments')
    .select(['payments.provider', 'payments.currency', 'payments.chargedAmount', 'payments.refundedAmount'])
    .whereRef('payments.appointmentId', '=', 'appointments.id')
