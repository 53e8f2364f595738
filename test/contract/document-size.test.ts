import { expect, setDefaultTimeout, test } from 'bun:test'
import { createIdleApp } from '../support/api-document'

// Bun's five seconds are short on a busy machine.
setDefaultTimeout(600_000)

test('the OpenAPI document has at most 250 kB, is compressed on request, and answers 304 to its ETag', async () => {
  const { app, close } = createIdleApp()
  const whole = await app.request('/openapi.json')
  expect((await whole.arrayBuffer()).byteLength).toBeLessThanOrEqual(250_000)
  const compressed = await app.request('/openapi.json', { headers: { 'accept-encoding': 'gzip' } })
  expect(compressed.headers.get('content-encoding')).toBe('gzip')
  const bytes = new Uint8Array(await compressed.arrayBuffer())
  expect(bytes.byteLength).toBeLessThan(50_000)
  expect(JSON.parse(new TextDecoder().decode(Bun.gunzipSync(bytes))).openapi).toStartWith('3.1')
  for (const { headers } of [whole, compressed]) {
    const conditional = { 'if-none-match': headers.get('etag')!, 'accept-encoding': 'gzip' }
    expect((await app.request('/openapi.json', { headers: conditional })).status).toBe(304)
  }
  await close()
})
