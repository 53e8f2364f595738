import { describe, expect, test } from 'bun:test'
import { chromium } from 'playwright-core'
import { findProgram } from '../support/programs'
import { createCardApp } from './card-app'

const t = await createCardApp()
const executablePath = findProgram('chromium', 'the look of a receipt')

/** The visible text of the page, row by row. */
const textOf = (html: string) =>
  html
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<\/(?:tr|dd|p|h1)>/g, '\n')
    .replace(/<[^>]+>/g, ' ')
    .replace(/[ \t\u00a0\u202f]+/g, ' ')

async function paid(currency = 'USD', priceAmount = 9_500, names: { patient?: string; clinic?: string } = {}) {
  const clinic = await t.newClinic({ currency, timeZone: 'Asia/Tokyo' })
  const address = 'Marunouchi 1-2-3, Tokyo'
  await t.db
    .updateTable('clinics')
    .set({ address, ...(names.clinic && { name: names.clinic }) })
    .where('id', '=', clinic.id)
    .execute()
  const doctor = await t.newDoctor({ clinicId: clinic.id, visitType: { priceAmount, priceCurrency: currency } })
  const patient = await t.newPatient({ name: names.patient ?? 'Ada Lovelace' })
  const { id: appointmentId } = await t.newAppointment({ patient, doctor, startsAt: '2026-01-06T00:30:00Z' })
  const { body } = await t.as(patient.actor).post('/payments', { appointmentId, method: 'card' })
  t.payers.pay(await t.refOf(body.id), 'succeed')
  await t.settle()
  return { id: body.id as string, patient, doctor }
}

const refund = (id: string, amount?: number) =>
  t.as(t.admin).post(`/payments/${id}/refunds`, { amount, reason: 'Late' })
const receipt = async (id: string) => textOf((await t.as(t.admin).get(`/payments/${id}/receipt`)).text)

describe('a receipt', () => {
  test('a receipt states the patient, the clinic, the visit, the dates, the amount and that it is tax-free', async () => {
    const { id, patient, doctor } = await paid()
    const { status, headers, text } = await t.as(patient.actor).get(`/payments/${id}/receipt`)
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    const page = textOf(text)
    for (const words of [
      'Marunouchi 1-2-3, Tokyo',
      'Patient Ada Lovelace',
      `Number ${id}`,
      'Issued January 5, 2026',
      'Status Paid',
      `Consultation with ${doctor.name} Tuesday, January 6, 2026 at 9:30 AM (Asia/Tokyo) $95.00`,
      'Total, tax-free $95.00',
      'Paid by card on January 5, 2026 $95.00',
      'Paid after refunds $95.00',
    ])
      expect(page).toContain(words)
  })

  test('a receipt lists completed and pending refunds, but no failed refund', async () => {
    const { id } = await paid()
    await refund(id, 2_000)
    await t.settle()
    await refund(id, 500)
    let page = await receipt(id)
    expect(page).toContain('Status Paid, partly refunded')
    expect(page).toContain('Refund of January 5, 2026 -$20.00')
    expect(page).toContain('Refund of January 5, 2026, on its way -$5.00')
    expect(page).toContain('Paid after refunds $70.00')
    const failed = { status: 'failed' } as const
    await t.db.updateTable('paymentEntries').set(failed).where('paymentId', '=', id).where('amount', '=', 500).execute()
    page = await receipt(id)
    expect(page).not.toContain('$5.00')
    await refund(id)
    expect(await receipt(id)).toContain('Status Refunded')
    await t.jobs.boss.deleteAllJobs('payments.refund')
  })

  test.each([
    ['JPY', 9_500, '¥9,500', '-¥1,230'],
    ['KWD', 9_500, 'KWD 9.500', '-KWD 1.230'],
    ['EUR', 9_500, '€95.00', '-€12.30'],
    ['CLF', 95_000, 'CLF 9.5000', '-CLF 0.1230'],
  ])('a receipt uses the currency of the clinic: %s', async (currency, price, shown, given) => {
    const { id } = await paid(currency, price)
    await refund(id, 1_230)
    const page = await receipt(id)
    expect(page).toContain(`Total, tax-free ${shown}`)
    expect(page).toContain(given)
    await t.settle()
  })

  test('a receipt escapes HTML in names', async () => {
    const name = '<script>alert(1)</script> & "Ada" <img src=x onerror=alert(1)>'
    const { id } = await paid('USD', 9_500, { patient: name, clinic: `</style>${name}` })
    const { text } = await t.as(t.admin).get(`/payments/${id}/receipt`)
    expect(text).not.toMatch(/<script|<img/)
    expect(text.match(/<\/style>/g)).toHaveLength(1)
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Ada&quot;')
  })

  test('a receipt of an unpaid payment is a 409', async () => {
    const { id, patient } = await t.cardPayment()
    const client = t.as(patient.actor)
    expect(await client.get(`/payments/${id}/receipt`)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
  })

  test('only the patient and admins can read a receipt, and each read is audited', async () => {
    const { id, patient, doctor } = await paid()
    const path = `/payments/${id}/receipt`
    expect(await t.as(doctor.actor).get(path)).toMatchObject({ status: 403 })
    const stranger = await t.newPatient()
    expect(await t.as(stranger.actor).get(path)).toMatchObject({ status: 404 })
    expect(await t.anonymous.get(path)).toMatchObject({ status: 401 })
    expect(await t.as(patient.actor).get(path)).toMatchObject({ status: 200 })
    const read = (await t.auditOf(id)).filter(
      ({ kind, outcome }) => kind === 'payment.receipt' && outcome === 'success',
    )
    expect(read).toMatchObject([{ action: 'R', actorId: patient.actor.userId, patientIds: [patient.id] }])
  })

  test.skipIf(!executablePath)(
    'a receipt renders in a browser under its content security policy and prints on one page',
    async () => {
      const { id, patient } = await paid('USD', 9_500, { patient: 'Ada <b>Lovelace</b>' })
      await refund(id, 2_000)
      await t.settle()
      const answer = await t.as(patient.actor).get(`/payments/${id}/receipt`)
      const server = Bun.serve({
        port: 0,
        fetch: () => new Response(answer.text, { headers: answer.headers }),
      })
      const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
      const browser = await chromium.launch({ executablePath, args })
      try {
        const page = await browser.newPage()
        const complaints: string[] = []
        page.on('console', (message) => complaints.push(message.text()))
        await page.goto(server.url.href)
        const total = page.getByRole('row', { name: /^Total, tax-free/ })
        expect(await total.getByRole('cell').evaluate((cell) => getComputedStyle(cell).textAlign)).toBe('right')
        expect(await page.getByText('Ada <b>Lovelace</b>').count()).toBe(1)
        expect(complaints).toEqual([])
        if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT, fullPage: true })
        const paper = await page.pdf()
        expect(paper.toString('latin1').match(/\/Type\s*\/Page\b/g)).toHaveLength(1)
      } finally {
        await browser.close()
        await server.stop(true)
      }
    },
    60_000,
  )
})
