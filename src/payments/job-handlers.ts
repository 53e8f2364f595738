import type { Deps } from '../deps'
import type { JobHandlers } from '../jobs/queue'
import { releaseAtProvider } from './card'
import { sendRefund } from './refunds/service'
import { processPaymentEvent } from './webhooks/service'

/** Each job may run any number of times; it changes nothing once its work is done. */
export const paymentJobs = (
  deps: Deps,
): Pick<JobHandlers, 'payments.event' | 'payments.refund' | 'payments.release'> => ({
  'payments.event': ({ eventId }) => processPaymentEvent(deps, eventId),
  'payments.refund': ({ refundId }) => sendRefund(deps, refundId),
  'payments.release': ({ paymentId }) => releaseAtProvider(deps, paymentId),
})
