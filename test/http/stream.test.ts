import { expect, test } from 'bun:test'
import { wholeBody } from '../../src/http/operations/stream'

test.each([0, 14_999, 15_000, 200_000])('a streamed text of %i characters arrives unchanged', async (length) => {
  const text = 'aß日🙂"\\\n'.repeat(length / 8 + 1).slice(0, length)

  const server = Bun.serve({ port: 0, fetch: async () => new Response(await Promise.resolve(wholeBody(text))) })
  const response = await fetch(server.url)

  expect(await response.text()).toBe(text.toWellFormed())
  await server.stop(true)
})
