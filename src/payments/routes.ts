import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { cursorAfter, toPage } from '../http/pagination'
import { Payment } from '../ledger/schemas'
import { clearAttention } from './attention/service'
import { findClientSecret, withClientSecret } from './card'
import { findPaymentById, listPayments } from './queries'
import { RefundPayment } from './refunds/schemas'
import { refundPayment } from './refunds/service'
import { READABLE_PAYMENT } from './replay'
import { CreatePayment, ListPaymentsQuery, PaymentConflict, PaymentPage, PaymentPath } from './schemas'
import { createPayment, markPaymentPaid, presentPayment } from './service'

const createPaymentOperation = operation({
  method: 'post',
  path: '/payments',
  tag: 'Payments',
  operationId: 'createPayment',
  summary: 'Create a payment',
  description:
    'Creates a payment for an appointment, with the price at booking as its amount. Cash and insurance are paid at the desk. ' +
    'For `card`, which needs a configured card provider, the answer contains `clientSecret`: the payer’s browser finishes the payment with it, and `status` shows the result. ' +
    'After a 503 the payment may exist already: send the request again with the same key, or read the payment. ' +
    'An appointment has at most one active payment. The payment of a hold is cancelled when the hold expires, unless it succeeded before.',
  access: ['patient', 'admin'],
  who: 'patients for themselves and their wards, admins',
  audit: { kind: 'payment.create', action: 'C' },
  body: CreatePayment,
  answer: {
    status: 201,
    description: 'The new payment, not paid yet',
    schema: Payment,
    headers: ['Location'],
    links: {
      read: { operationId: 'getPayment', parameters: { id: '$response.body#/id' }, description: 'Read the payment.' },
    },
  },
  problems: ['not_found', 'invalid_state', 'nothing_to_pay', 'payment_exists'],
  problemSchemas: { 409: PaymentConflict },
  problemExamples: { payment_exists: { paymentId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e30' } },
})

const listPaymentsOperation = operation({
  method: 'get',
  path: '/payments',
  tag: 'Payments',
  operationId: 'listPayments',
  summary: 'List payments',
  description: 'Newest first. `needsAttention=true` lists what a person must look at.',
  access: 'signed_in',
  who: 'patients see their own and those of their wards, doctors those of their appointments, admins all',
  audit: { kind: 'payment.list', action: 'R' },
  query: ListPaymentsQuery,
  answer: { status: 200, description: 'A page of payments', schema: PaymentPage },
})

const getPaymentOperation = operation({
  method: 'get',
  path: '/payments/{id}',
  tag: 'Payments',
  operationId: 'getPayment',
  summary: 'Read a payment',
  description: 'Returns a payment with its status, its charge and its refunds.',
  access: 'signed_in',
  who: 'the patient or a guardian, the doctor of the appointment, admins',
  audit: { kind: 'payment.read', action: 'R' },
  params: PaymentPath,
  answer: { status: 200, description: 'The payment', schema: Payment },
})

const markPaymentPaidOperation = operation({
  method: 'put',
  path: '/payments/{id}/mark-paid',
  tag: 'Payments',
  operationId: 'markPaymentPaid',
  summary: 'Mark a payment as paid',
  description:
    'For cash and insurance, when the clinic has received the money. Confirms a hold that waits for its payment.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'payment.mark_paid', action: 'U' },
  params: PaymentPath,
  answer: { status: 200, description: 'The paid payment', schema: Payment },
  problems: ['invalid_state', 'hold_expired'],
})

const refundPaymentOperation = operation({
  method: 'post',
  path: '/payments/{id}/refunds',
  tag: 'Payments',
  operationId: 'refundPayment',
  summary: 'Refund a payment',
  description:
    'Refunds all that is refundable, or a part. The amount is taken out of `refundable` at once. In `entries`, the refund is `pending` until the card provider has made it; a refund at the desk succeeds at once.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'payment.refund', action: 'U' },
  params: PaymentPath,
  body: RefundPayment,
  answer: { status: 201, description: 'The payment with the new refund', schema: Payment, headers: ['Location'] },
  problems: ['invalid_state'],
})

const clearAttentionOperation = operation({
  method: 'put',
  path: '/payments/{id}/clear-attention',
  tag: 'Payments',
  operationId: 'clearPaymentAttention',
  summary: 'Clear a payment’s attention',
  description:
    'When its refused refunds are paid in another way, or its webhooks are compared with the provider. `refund_not_sent` and `release_not_sent` stay until they are sent.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'payment.clear_attention', action: 'U' },
  params: PaymentPath,
  answer: { status: 200, description: 'The payment', schema: Payment },
})

export function paymentRoutes(deps: Deps) {
  const { app, read, readOne, mutation } = createRouter(deps)

  mutation(createPaymentOperation, READABLE_PAYMENT, {
    run: async (ctx, { body }) => {
      const { payment, patientId } = await createPayment(ctx, body)
      return answer(presentPayment(payment), {
        location: `/payments/${payment.id}`,
        audit: { patientIds: [patientId], targetId: payment.id },
      })
    },
    afterCommit: withClientSecret,
  })

  read(listPaymentsOperation, async ({ db, actor }, { query: { limit, cursor, ...filters } }) => {
    const after = cursorAfter(cursor, 'createdAt')
    const rows = await listPayments(db, actor, { ...filters, limit: limit + 1 }, after)
    return answer(
      toPage(
        rows,
        limit,
        (row) => [row.createdAt.toISOString(), row.id],
        (row) => presentPayment(row),
      ),
      { audit: { patientIds: rows.slice(0, limit).map(({ patientId }) => patientId) } },
    )
  })

  readOne(getPaymentOperation, {
    find: findPaymentById,
    thing: 'payment',
    answer: async (ctx, payment) => answer(presentPayment(payment, await findClientSecret(ctx, payment))),
  })

  mutation(markPaymentPaidOperation, READABLE_PAYMENT, async (ctx, { params }) => {
    const payment = await markPaymentPaid(ctx, params.id)
    return answer(presentPayment(payment), { audit: { patientIds: [payment.patientId], targetId: payment.id } })
  })

  mutation(refundPaymentOperation, READABLE_PAYMENT, async (ctx, { params, body }) => {
    const payment = await refundPayment(ctx, params.id, body)
    return answer(presentPayment(payment), {
      location: `/payments/${payment.id}`,
      audit: { patientIds: [payment.patientId], targetId: payment.id },
    })
  })

  mutation(clearAttentionOperation, READABLE_PAYMENT, async (ctx, { params }) => {
    const { payment, before } = await clearAttention(ctx, params.id)
    return answer(presentPayment(payment), {
      audit: { patientIds: [payment.patientId], targetId: payment.id, detail: { attention: before.join(' ') } },
    })
  })

  return app
}
