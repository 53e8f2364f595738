import { expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { note, pairsOf } from './pairs'

const t = await createTestApp()
const newPair = pairsOf(t, await t.newClinic())
const COUNT = 40

test('pages of long records are cut by bytes, and every record is on one page', async () => {
  const { patient, asDoctor, asPatient } = await newPair()
  const path = `/patients/${patient.id}/records`
  const long = (i: number) => ({
    ...note(`Note ${i}`),
    data: { text: 'x'.repeat(63 * 1024), more: ['\u20ac'.repeat(100)] },
  })
  for (let i = 0; i < COUNT; i++) expect((await asDoctor.post(path, long(i))).status).toBe(201)
  const sizes: number[] = []
  const seen: string[] = []
  let cursor: string | null = null
  do {
    const query = { limit: 100, ...(cursor && { cursor }) }
    const { body, text } = await asPatient.get(path, { query })
    sizes.push(text.length)
    seen.push(...body.data.map(({ title }: { title: string }) => title))
    cursor = body.nextCursor
  } while (cursor)
  expect(sizes.length).toBeGreaterThan(1)
  expect(Math.max(...sizes)).toBeLessThan(3 * 1024 * 1024)
  expect(seen).toEqual(Array.from({ length: COUNT }, (_, i) => `Note ${COUNT - 1 - i}`))
  const { history } = (await asPatient.get(`/patients/${patient.id}`)).body
  expect(history.records.length).toBe(20)
}, 60_000)
