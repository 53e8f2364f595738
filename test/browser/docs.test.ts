import { afterAll, describe, expect, test } from 'bun:test'
import { chromium } from 'playwright-core'
import { createTestApp } from '../support/app'
import { findProgram } from '../support/programs'
import { startServer } from '../support/server'

const executablePath = findProgram('chromium', 'the page at /docs')

describe.skipIf(!executablePath)('/docs in a browser', async () => {
  if (!executablePath) return
  const t = await createTestApp()
  const server = startServer({ ...t.env, LOG_LEVEL: 'info' })
  // With the default size of the young generation, a quarter of the time goes into garbage collection.
  const memory = '--js-flags=--max-semi-space-size=64'
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    memory,
  ]
  const browser = await chromium.launch({ executablePath, args })
  afterAll(() => browser.close())

  test('/docs shows every operation and tries one out, without a script error or a request to another host', async () => {
    const url = await server.url()
    const page = await browser.newPage()
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

    const operation = page.locator('#operations-Clinics-listClinics')
    await operation.click()
    await operation.getByRole('button', { name: 'Try it out' }).click()
    await operation.getByRole('button', { name: 'Execute' }).click()
    const status = operation.locator('.live-responses-table .response-col_status').last()
    await status.waitFor()
    expect(await status.textContent()).toContain('200')
    expect(complaints).toEqual([])
  }, 60_000)
})
