import { describe, expect, test } from 'bun:test'
import { z } from '@hono/zod-openapi'
import fc from 'fast-check'
import { openUpload } from '../../src/http/operations/multipart'
import { BOUNDARY, form, MULTIPART, streamOf } from '../records/files'

const FULL = process.env.TEST_SCALE === 'full'
const MiB = 1024 * 1024
const upload = { field: 'file', maxBytes: MiB, schema: z.unknown() }

const request = (body: Uint8Array | string, contentType = MULTIPART['content-type'], pieces?: number) =>
  new Request('http://localhost/', {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: streamOf(typeof body === 'string' ? new TextEncoder().encode(body) : body, pieces),
  })

async function receive(input: Request) {
  const { filename, content } = await openUpload(input, upload)
  const pieces: Uint8Array[] = []
  for await (const piece of content) pieces.push(piece)
  return { filename, content: new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer()) }
}

/** The error code and the path of the first error. */
const refusalOf = async (input: Request) => {
  const error = await receive(input).then(
    () => undefined,
    (thrown) => thrown,
  )
  return error && `${error.code} ${error.extra.errors?.[0].path ?? ''}`.trim()
}

describe('an upload', () => {
  test('an upload arrives unchanged, whatever its content and however it is split into chunks', async () => {
    const unlucky = fc.constantFrom('\r\n', '\r', '--', `--${BOUNDARY}`, `\r\n--${BOUNDARY.slice(0, 5)}`, '\r\n--', 'x')
    const content = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 3_000 }),
      fc.array(unlucky, { minLength: 1, maxLength: 40 }).map((parts) => new TextEncoder().encode(parts.join(''))),
    )
    await fc.assert(
      fc.asyncProperty(content, fc.integer({ min: 1, max: 200 }), async (sent, pieces) => {
        fc.pre(!Buffer.from(sent).includes(`\r\n--${BOUNDARY}`))
        const received = await receive(request(form({ filename: 'a.pdf', content: sent }), undefined, pieces))
        expect(received.content).toEqual(sent as Uint8Array<ArrayBuffer>)
      }),
      { numRuns: FULL ? 2_000 : 150 },
    )
  })

  test('an upload as sent by fetch is accepted', async () => {
    const body = new FormData()
    const sent = crypto.getRandomValues(new Uint8Array(40_000))
    body.append('file', new File([sent], 'Ä "quoted" file.png'))
    const received = await receive(new Request('http://localhost/', { method: 'POST', body }))
    expect(received).toEqual({ filename: 'Ä "quoted" file.png', content: sent })
  })

  test.each([
    ['report.pdf', 'report.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\\\Users\\\\me\\\\scan.png', 'scan.png'],
    ['C:\\Users\\me\\scan.png', 'scan.png'],
    ['say %22hi%22.pdf', 'say "hi".pdf'],
    ['say \\"hi\\".pdf', 'say "hi".pdf'],
    ['a%0D%0Ab.pdf', 'ab.pdf'],
    ['fdp.\u202eexe', 'fdp.exe'],
    ['心電図 🩺.pdf', '心電図 🩺.pdf'],
    ['re\u0301sume\u0301.pdf', 'r\u00e9sum\u00e9.pdf'],
    [`${'😀'.repeat(300)}.pdf`, '😀'.repeat(200)],
    ['100%.pdf', '100%.pdf'],
  ])('an upload named %s gets the file name %s', async (sent, called) => {
    expect((await receive(request(form({ filename: sent, content: 'x' })))).filename).toBe(called)
  })

  test('an upload may be exactly as large as the limit, and no larger', async () => {
    const content = new Uint8Array(MiB + 1)
    expect((await receive(request(form({ filename: 'a', content: content.subarray(1) })))).content).toHaveLength(MiB)
    expect(await refusalOf(request(form({ filename: 'a', content })))).toBe('too_large')
  })

  test('an endless upload is cut off, with or without a file in it', async () => {
    const endless = (start: string) => {
      let taken = 0
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            controller.enqueue(taken === 0 ? new TextEncoder().encode(start) : new Uint8Array(10_000))
            taken += 10_000
            if (taken > 2 * MiB) throw new Error('read far too much')
          },
        },
        { highWaterMark: 0 },
      )
      return new Request('http://localhost/', { method: 'POST', headers: MULTIPART, body })
    }
    const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`
    expect(await refusalOf(endless(head))).toBe('too_large')
    expect(await refusalOf(endless(`${head}x\r\n--${BOUNDARY}--`))).toBe('too_large')
    expect(await refusalOf(endless(`--${BOUNDARY}\r\n`))).toBe('validation_failed file')
  })

  test.each([
    ['', 'unsupported_media_type'],
    ['application/json', 'unsupported_media_type'],
    ['multipart/form-data', 'unsupported_media_type'],
    ['multipart/form-data; boundary=', 'unsupported_media_type'],
    [`multipart/form-data; boundary=${'x'.repeat(71)}`, 'unsupported_media_type'],
    [`multipart/mixed; boundary=${BOUNDARY}`, 'unsupported_media_type'],
    ['multipart/form-data; boundary=another', 'validation_failed'],
    [`Multipart/Form-Data; charset=utf-8; boundary="${BOUNDARY}"`, undefined],
  ])('checks the content type %s of an upload', async (type, refusal) => {
    expect(await refusalOf(request(form({ filename: 'a', content: 'x' }), type))).toBe(refusal)
  })

  const file = { filename: 'a', content: 'x' }
  test.each<[string, Uint8Array | string, string]>([
    ['no body', '', 'validation_failed file'],
    ['no part', form(), 'validation_failed file'],
    ['no file', form({ content: 'x' }), 'validation_failed file'],
    ['a file without a name', form({ filename: '', content: 'x' }), 'validation_failed file'],
    ['an empty file', form({ filename: 'a', content: '' }), 'validation_failed file'],
    ['two files', form(file, file), 'validation_failed file'],
    ['a field before the file', form({ name: 'note', content: 'x' }, file), 'validation_failed note'],
    ['a field after the file', form(file, { name: 'note', content: 'x' }), 'validation_failed note'],
    ['a preamble', `hello\r\n${new TextDecoder().decode(form(file))}`, 'validation_failed'],
    ['no closing boundary', form(file).subarray(0, -8), 'validation_failed file'],
    ['an end inside the part headers', form(file).subarray(0, 60), 'validation_failed file'],
    ['a part without headers', `--${BOUNDARY}\r\n\r\nx\r\n--${BOUNDARY}--`, 'validation_failed file'],
    ['a part without a name', `--${BOUNDARY}\r\nContent-Type: a/b\r\n\r\nx\r\n--${BOUNDARY}--`, 'validation_failed'],
    ['endless part headers', `--${BOUNDARY}\r\n${'x'.repeat(20_000)}`, 'validation_failed file'],
    [
      'a file name that is not UTF-8',
      Uint8Array.from(form({ filename: '@', content: 'x' }), (b) => (b === 64 ? 255 : b)),
      'validation_failed file',
    ],
  ])('an upload with %s is refused', async (_, body, refusal) => {
    for (const pieces of [1, 7, 100_000]) expect(await refusalOf(request(body, undefined, pieces))).toBe(refusal)
  })

  test('an upload whose connection breaks off is refused', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error('connection reset'))
      },
    })
    expect(await refusalOf(new Request('http://localhost/', { method: 'POST', headers: MULTIPART, body }))).toBe(
      'validation_failed',
    )
  })
})
