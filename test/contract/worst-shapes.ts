import { BOUNDARY, MULTIPART } from '../records/files'
import type { ApiDocument, Route } from '../support/api-document'
import type { Call } from './call'
import { addressOf } from './calls'
import { propertiesOf } from './schema-walk'

/** A body within the limit of its operation that is as expensive to refuse as possible. */
export type WorstShape = { name: string; address: string; body: string | Uint8Array<ArrayBuffer>; type: string }

/** Texts that patterns are slow with: each is repeated. */
const TEXTS = {
  'one letter': 'x',
  blanks: ' ',
  digits: '1',
  'at signs': 'a@',
  'an address': 'a.a-a@a.a-a.',
  'combining marks': 'a\u0301\u0316',
  'a time': '2026-03-02T14:00:00',
  'Hangul letters': '\u1112\u1161\u11ab',
  escapes: '\u0001',
}

const UPLOAD_BYTES = 10 * 1024 * 1024

/** Every worst shape for an operation with a body; `valid` is a request that succeeds. */
export function* worstShapes(document: ApiDocument, route: Route, valid: Call): Generator<WorstShape> {
  const { requestBody, 'x-max-body-bytes': limit } = route.operation
  const address = addressOf(route.path, valid)
  if (requestBody?.content['multipart/form-data']) yield* worstUploads(address)
  const media = requestBody?.content['application/json']
  if (!media?.schema || !limit) return
  const json = (name: string, body: string): WorstShape => ({ name, address, body, type: 'application/json' })
  for (const [name, part] of Object.entries(worstParts(limit))) yield json(name, merged(valid.body, part))
  const fields = Object.keys({ ...propertiesOf(document, media.schema), ...valid.body })
  for (const field of fields) {
    const own = ([name, value]: [string, string]) =>
      json(`${field}: ${name}`, merged({ ...valid.body, [field]: undefined }, `${JSON.stringify(field)}:${value}`))
    yield* Object.entries(worstValues(limit)).map(own)
  }
  yield json('a text without an end', `{"a":"${'x'.repeat(limit - 10)}`)
  yield json('lists without an end', '['.repeat(limit))
  yield json('a byte too many', `{"a":"${'x'.repeat(limit)}"}`)
}

/** Members that no body has, up to the limit. */
function worstParts(limit: number): Record<string, string> {
  const room = limit - 2_000
  return {
    'many unknown fields': filled(room, (i) => `"f${i}":1`),
    'many unknown fields with long names': filled(room, (i) => `"${i}${'f'.repeat(200)}":null`),
    'many names that are not allowed': filled(room, (i) => `"\\u0000${i}":1`),
    'an unknown list': `"unknown":[${filled(room, () => '1')}]`,
    'an unknown list of texts': `"unknown":[${filled(room, () => '"\\u0000"')}]`,
    'unknown objects': `"unknown":[${filled(room, () => '{}')}]`,
  }
}

function worstValues(limit: number): Record<string, string> {
  const room = limit - 2_000
  const levels = Math.floor(room / 6)
  return {
    ...Object.fromEntries(Object.entries(TEXTS).map(([name, text]) => [name, longText(room, text)])),
    'a list of numbers': `[${filled(room, () => '1')}]`,
    'a list of objects': `[${filled(room, () => '{}')}]`,
    'a list of wrong objects': `[${filled(room, (i) => `{"a${i}":1,"weekday":"x"}`)}]`,
    'an object of many fields': `{${filled(room, (i) => `"f${i}":1`)}}`,
    'an object of $ fields': `{${filled(room, (i) => `"$${i}":1`)}}`,
    'deep lists': '['.repeat(levels) + ']'.repeat(levels),
    'deep objects': `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`,
    'wide at every level': `${`{"a":[${'1,'.repeat(Math.floor(room / 120))}`.repeat(20)}1${']}'.repeat(20)}`,
  }
}

function* worstUploads(address: string): Generator<WorstShape> {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n`
  const near = {
    'near boundaries': `\r\n--${BOUNDARY.slice(0, -1)}`,
    'line breaks': '\r\n',
    returns: '\r',
    'the end of part headers': '\r\n\r',
    zeros: '\0',
  }
  for (const [name, text] of Object.entries(near)) {
    const body = new TextEncoder().encode(head + text.repeat(Math.floor(UPLOAD_BYTES / text.length)))
    yield { name: `an upload of ${name} without an end`, address, body, type: MULTIPART['content-type'] }
  }
  const headers = `--${BOUNDARY}\r\n${'Content-Disposition: form-data; name='.repeat(200)}`
  const body = new TextEncoder().encode(headers)
  yield { name: 'endless part headers', address, body, type: MULTIPART['content-type'] }
}

/** Items separated by commas, as many as fit into the room. */
function filled(room: number, item: (i: number) => string): string {
  const items: string[] = []
  for (let size = 0, i = 0; ; i++) {
    const one = item(i)
    size += new TextEncoder().encode(one).length + 1
    if (size > room) return items.join(',')
    items.push(one)
  }
}

const longText = (room: number, text: string) =>
  JSON.stringify(text.repeat(Math.floor(room / (new TextEncoder().encode(JSON.stringify(text)).length - 2))))

/** A body with one more member, written as JSON text. */
function merged(body: Record<string, unknown> = {}, member: string): string {
  const rest = JSON.stringify(body)
  return rest === '{}' ? `{${member}}` : `${rest.slice(0, -1)},${member}}`
}
