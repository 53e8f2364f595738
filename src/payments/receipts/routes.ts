import { z } from '@hono/zod-openapi'
import type { Deps } from '../../deps'
import { AppError, notFound } from '../../errors'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { createRouter } from '../../http/operations/router'
import { PaymentPath } from '../schemas'
import { receiptPage, receiptPolicy } from './page'
import { findReceipt } from './queries'

const getReceiptOperation = operation({
  method: 'get',
  path: '/payments/{id}/receipt',
  tag: 'Payments',
  operationId: 'getReceipt',
  summary: 'Read a payment receipt',
  description:
    'An HTML page to show or print, without external files: clinic, patient, visit, tax-free total, payment and refunds, in the currency of the payment. ' +
    'Available once the payment has been paid, even if it was refunded later; before that the answer is `invalid_state`.',
  access: ['patient', 'admin'],
  who: 'the patient or a guardian, admins',
  audit: { kind: 'payment.receipt', action: 'R' },
  params: PaymentPath,
  answer: {
    status: 200,
    description: 'The receipt as an HTML page',
    schema: z.string().max(2_000_000).openapi('Receipt', { example: '<!doctype html><html lang="en">…</html>' }),
    contentType: 'text/html',
  },
  problems: ['invalid_state'],
})

export function receiptRoutes(deps: Deps) {
  const { app, read } = createRouter(deps)
  const policy = receiptPolicy()

  read(getReceiptOperation, async ({ db, actor, now }, { params: { id } }) => {
    const receipt = await findReceipt(db, actor, id)
    if (!receipt) throw notFound('payment')
    if (receipt.chargedAmount === 0)
      throw new AppError('invalid_state', 'A receipt is available once the payment has been paid.')
    return answer(receiptPage(receipt, now), {
      headers: { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': await policy },
      audit: { patientIds: [receipt.patientId], targetId: id },
    })
  })

  return app
}
