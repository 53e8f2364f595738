import { html, raw } from 'hono/html'
import { formatMoney } from '../../ledger/currency'
import type { ReceiptRow } from './queries'

const STYLE = `
  @page { margin: 20mm }
  body { max-width: 42rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; font: 1rem/1.5 system-ui, sans-serif }
  header { display: flex; justify-content: space-between; gap: 2rem; padding-bottom: 1rem; border-bottom: 2px solid #1a1a1a }
  header p, h1, dl, dd { margin: 0 }
  h1 { font-size: 1.5rem; text-align: right }
  strong, tfoot th, tfoot td { font-weight: 600 }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 1.5rem 0 }
  dt, small { color: #595959 }
  dd { overflow-wrap: anywhere }
  small { display: block }
  table { width: 100%; border-collapse: collapse }
  th { text-align: left; font-weight: 400; overflow-wrap: anywhere }
  th, td { padding: .5rem 0; border-bottom: 1px solid #d0d0d0; vertical-align: top }
  td { padding-left: 2rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
  tr.sum th, tr.sum td, tfoot th, tfoot td { border-bottom: 2px solid #1a1a1a; font-weight: 600 }
  @media print { body { margin: 0; padding: 0 } }
`

/** Content-Security-Policy: only the page's own style, by its hash, and the empty icon that stops browsers from asking. */
export async function receiptPolicy(): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(STYLE))
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)))
  return `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
}

const METHOD = { card: 'by card', cash: 'in cash', insurance: 'by insurance' }
const STATUS: Partial<Record<ReceiptRow['status'], string>> = {
  succeeded: 'Paid',
  partially_refunded: 'Paid, partly refunded',
  refunded: 'Refunded',
}

/** An HTML page to read or print that loads nothing. Free text is escaped. Dates are in the clinic's time zone. */
export function receiptPage(receipt: ReceiptRow, now: Date): string {
  const { currency, timeZone } = receipt
  const money = (amount: number) => formatMoney({ amount, currency })
  const day = (at: Date | string) => formatDay(new Date(at), timeZone)
  const rows = receipt.entries.map(({ kind, amount, status, settledAt, createdAt }) =>
    kind === 'charge'
      ? html`<tr><th scope="row">Paid ${METHOD[receipt.method]} on ${day(settledAt ?? createdAt)}</th><td>${money(amount)}</td></tr>`
      : html`<tr><th scope="row">Refund of ${day(createdAt)}${status === 'pending' ? ', on its way' : ''}</th><td>${money(-amount)}</td></tr>`,
  )
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Receipt ${receipt.id}</title>
<link rel="icon" href="data:,">
<style>${raw(STYLE)}</style>
</head>
<body>
<header>
<p><strong>${receipt.clinicName}</strong><small>${receipt.clinicAddress ?? ''}</small><small>${receipt.clinicPhone ?? ''}</small></p>
<h1>Receipt</h1>
</header>
<dl>
<dt>Patient</dt><dd>${receipt.patientName}</dd>
<dt>Number</dt><dd>${receipt.id}</dd>
<dt>Issued</dt><dd>${day(now)}</dd>
<dt>Status</dt><dd>${STATUS[receipt.status] ?? receipt.status}</dd>
</dl>
<table>
<tbody>
<tr><th scope="row">${receipt.visitTypeName} with ${receipt.doctorName}<small>${formatStart(receipt.startsAt, timeZone)}</small></th><td>${money(receipt.amount)}</td></tr>
<tr class="sum"><th scope="row">Total, tax-free</th><td>${money(receipt.amount)}</td></tr>
${rows}
</tbody>
<tfoot><tr><th scope="row">Paid after refunds</th><td>${money(receipt.chargedAmount - receipt.refundedAmount)}</td></tr></tfoot>
</table>
</body>
</html>
`.toString()
}

const formatDay = (at: Date, timeZone: string) =>
  new Intl.DateTimeFormat('en-US', { dateStyle: 'long', timeZone }).format(at)

const formatStart = (at: Date, timeZone: string) =>
  `${new Intl.DateTimeFormat('en-US', { dateStyle: 'full', timeStyle: 'short', timeZone }).format(at)} (${timeZone})`
