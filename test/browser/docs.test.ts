import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { chromium, type Page } from 'playwright-core'
import { seed } from '../../db/seed'
import { createTestApp } from '../support/app'
import { findProgram } from '../support/programs'
import { startServer } from '../support/server'

const executablePath = findProgram('chromium', 'the page at /docs')

/** No test waits for a machine that is merely busy. */
const PATIENCE_MS = 600_000

describe.skipIf(!executablePath)('/docs in a browser', async () => {
  if (!executablePath) return
  const t = await createTestApp()
  setDefaultTimeout(PATIENCE_MS)
  const env = { ...t.env, DEMO_DATA: 'on' }
  await seed(env)
  const server = startServer({ ...env, LOG_LEVEL: 'info' })
  // With the default size of the young generation, a quarter of the time goes into garbage collection.
  const memory = '--js-flags=--max-semi-space-size=64'
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    memory,
  ]
  const browser = await chromium.launch({ executablePath, args, timeout: PATIENCE_MS })
  afterAll(() => browser.close())
  async function newPage() {
    const page = await browser.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    return page
  }

  test('/docs shows every operation and tries one out, without a script error or a request to another host', async () => {
    const url = await server.url()
    const page = await newPage()
    const complaints: string[] = []
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(url)) complaints.push(request.url())
    })
    await page.goto(`${url}/docs`)
    await page.locator('.opblock').first().waitFor()
    const document = await (await fetch(`${url}/openapi.json`)).json()
    const operations = Object.values(document.paths as Record<string, object>).flatMap((path) => Object.keys(path))
    expect(await page.locator('.opblock').count()).toBe(operations.length)
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT })

    expect(await tryOut(page, 'Clinics-listClinics')).toContain('200')
    expect(complaints).toEqual([])
    await page.close()
  })

  test('one click signs in to the demo data, and operations sent untouched succeed', async () => {
    const page = await newPage()
    await page.goto(`${await server.url()}/docs`)
    await page.locator('.opblock').first().waitFor()
    await page.getByRole('button', { name: 'patient@demo.clinic' }).click()
    await page.getByText('Signed in as patient@demo.clinic').waitFor()
    expect(await tryOut(page, 'Doctors-getDoctor')).toContain('200')
    expect(await tryOut(page, 'Appointments-getAppointment')).toContain('200')
    expect(await tryOut(page, 'Records-listRecords')).toContain('200')
    expect(await tryOut(page, 'Appointments-bookAppointment')).toContain('201')
    await page.close()
  })

  test.each([390, 1280])(
    'at %i px the page never scrolls sideways, and an open operation shows each failure as one line until it is clicked',
    async (width) => {
      const page = await newPage()
      await page.setViewportSize({ width, height: 844 })
      await page.goto(`${await server.url()}/docs`)
      await page.locator('.opblock').first().waitFor()
      const overhang = () =>
        page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      expect(await overhang()).toBe(0)

      const booking = page.locator('#operations-Appointments-bookAppointment')
      await booking.locator('.opblock-summary').click()
      const conflict = booking.locator('tr[data-code="409"] button')
      await conflict.waitFor()
      expect(await conflict.textContent()).toContain('Conflict: slot_taken, patient_busy')
      expect(await overhang()).toBe(0)
      expect((await booking.boundingBox())!.height).toBeLessThan(4000)
      if (process.env.SCREENSHOT) await booking.screenshot({ path: `${process.env.SCREENSHOT}-${width}.png` })

      await conflict.click()
      await booking.locator('tr[data-code="409"] pre', { hasText: 'alternatives' }).waitFor()
      expect(await overhang()).toBe(0)
      await page.close()
    },
  )

  test.each(['docs', 'docs/'])('below a path prefix, /%s shows the operations and tries one out', async (path) => {
    const url = await server.url()
    await using proxy = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      idleTimeout: 255,
      fetch: (request) => {
        const { pathname } = new URL(request.url)
        if (!pathname.startsWith('/clinic/')) return new Response(null, { status: 404 })
        const forwarded = new Request(`${url}${pathname.slice('/clinic'.length)}`, request)
        // The answer keeps the encoding that its headers name.
        return fetch(forwarded, { decompress: false })
      },
    })
    const page = await newPage()
    await page.goto(`http://127.0.0.1:${proxy.port}/clinic/${path}`)
    await page.locator('.opblock').first().waitFor()
    expect(await tryOut(page, 'Clinics-listClinics')).toContain('200')
    await page.close()
  })

  test('an operation that is executed twice is sent with a new idempotency key each time', async () => {
    const page = await newPage()
    const keys: (string | undefined)[] = []
    page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().endsWith('/patients'))
        keys.push(request.headers()['idempotency-key'])
    })
    await page.goto(`${await server.url()}/docs`)
    await page.locator('.opblock').first().waitFor()
    await page.getByRole('button', { name: 'admin@demo.clinic' }).click()
    await page.getByText('Signed in as admin@demo.clinic').waitFor()
    expect(await tryOut(page, 'Patients-createPatient')).toContain('201')
    const second = page.waitForResponse((answer) => answer.request().method() === 'POST')
    await page.locator('#operations-Patients-createPatient').getByRole('button', { name: 'Execute' }).click()
    const { status, replayed } = await second.then((answer) => ({
      status: answer.status(),
      replayed: answer.headers()['idempotent-replayed'],
    }))
    expect({ status, replayed }).toEqual({ status: 201, replayed: undefined })
    expect(keys).toHaveLength(2)
    expect(keys[0]).not.toBe(keys[1])
    await page.close()
  })
})

async function tryOut(page: Page, name: string): Promise<string | null> {
  const operation = page.locator(`#operations-${name}`)
  await operation.locator('.opblock-summary').click()
  await operation.getByRole('button', { name: 'Try it out' }).click()
  await operation.getByRole('button', { name: 'Execute' }).click()
  const status = operation.locator('.live-responses-table .response-col_status').last()
  await status.waitFor()
  return status.textContent()
}
