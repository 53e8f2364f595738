import { describe, expect, test } from 'bun:test'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { compareDocuments } from '../../scripts/openapi-diff'
import { runFolder } from '../support/run-folder'
import { ROOT } from '../support/server'

const BEFORE = {
  paths: {
    '/rooms': {
      get: {
        summary: 'List rooms',
        parameters: [
          { name: 'limit', in: 'query', description: 'Rows of a page.', schema: { type: 'integer', maximum: 100 } },
          { name: 'cursor', in: 'query', schema: { type: 'string' } },
        ],
        responses: { 200: { description: 'Rooms' } },
      },
    },
  },
  components: {
    schemas: {
      Room: {
        type: 'object',
        required: ['id', 'description'],
        properties: { id: { type: 'string' }, description: { type: 'string' } },
        example: { id: '1', description: 'A room', beds: 2 },
      },
    },
  },
}

function changed(change: (document: typeof BEFORE) => void) {
  const after = structuredClone(BEFORE)
  change(after)
  return compareDocuments(BEFORE, after)
}

describe('openapi-diff', () => {
  test('a changed summary, description or text of an example is a text difference', () => {
    const { structural, texts } = changed(({ paths, components }) => {
      paths['/rooms'].get.summary = 'Show rooms'
      paths['/rooms'].get.parameters[0]!.description = 'How many rows.'
      paths['/rooms'].get.responses[200].description = 'A list'
      components.schemas.Room.example.description = 'A large room'
    })
    expect(structural).toEqual([])
    expect(texts).toHaveLength(4)
  })

  test('the order of keys, parameters and required fields is no difference', () => {
    const { Room } = BEFORE.components.schemas
    const none = changed(({ paths, components }) => {
      paths['/rooms'].get.parameters.reverse()
      components.schemas.Room = { ...Object.fromEntries(Object.entries(Room).reverse()) } as typeof Room
      components.schemas.Room.required = Room.required.toReversed()
    })
    expect(none).toEqual({ structural: [], texts: [] })
  })

  test.each<[string, (document: typeof BEFORE) => void]>([
    ['a limit', ({ paths }) => Object.assign(paths['/rooms'].get.parameters[0]!.schema, { maximum: 50 })],
    ['a parameter that is gone', ({ paths }) => paths['/rooms'].get.parameters.pop()],
    ['a new route', ({ paths }) => Object.assign(paths, { '/beds': {} })],
    [
      'the type of a property called description',
      ({ components }) => Object.assign(components.schemas.Room.properties.description, { type: 'number' }),
    ],
    [
      'a property called description',
      ({ components }) => Reflect.deleteProperty(components.schemas.Room.properties, 'description'),
    ],
    ['a required field', ({ components }) => components.schemas.Room.required.pop()],
    ['a number of an example', ({ components }) => Object.assign(components.schemas.Room.example, { beds: 3 })],
  ])('%s is one structural difference', (_what, change) => {
    const { structural, texts } = changed(change)
    expect(structural).toHaveLength(1)
    expect(texts).toEqual([])
  })

  test('two documents that openapi.ts prints have no difference, and the program says so', async () => {
    const folder = mkdtempSync(join(runFolder(), 'openapi-'))
    const files = await Promise.all(
      ['a.json', 'b.json'].map(async (name) => {
        const file = join(folder, name)
        await Bun.write(file, await printed('openapi.ts').text)
        return file
      }),
    )
    const { text, exited } = printed('openapi-diff.ts', ...files)
    expect(await text).toBe('0 structural differences, 0 text differences\n')
    expect(await exited).toBe(0)
  }, 60_000)
})

function printed(script: string, ...args: string[]) {
  const child = Bun.spawn([process.execPath, join(ROOT, 'scripts', script), ...args], { stdout: 'pipe' })
  return { text: new Response(child.stdout).text(), exited: child.exited }
}
