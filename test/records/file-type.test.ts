import { describe, expect, test } from 'bun:test'
import { contentDisposition } from '../../src/records/attachments/content-disposition'
import { inspectFile, withSuffix } from '../../src/records/attachments/file-type'
import { jpeg, pdf, png } from './files'

async function inspect(file: Uint8Array, size: number) {
  async function* pieces() {
    for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size)
  }
  const { content, type } = inspectFile(pieces())
  let passed = 0
  try {
    for await (const piece of content) passed += piece.length
    return { type: type(), passed }
  } catch (error) {
    return { code: (error as { code: string }).code, passed }
  }
}

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))
/** What a phone appends: a film of 5 kB. */
const TRAILER = `ftypmp42${'film'.repeat(1_250)}`
/** An EXIF segment with a JPEG inside, then a scan with a stuffed byte and a restart marker, without the end. */
const WITH_THUMBNAIL = '\xff\xd8\xff\xe1\0\x08\xff\xd8x\xff\xd9y\xff\xda\0\x03x12\xff\0\xff\xd034'
const SIZES = [1, 3, 16, 17, 100_000]

describe('file type detection', () => {
  test.each([
    ['application/pdf', pdf()],
    ['application/pdf', bytes('%PDF-2.0\nx\n%%EOF')],
    ['application/pdf', bytes(`%PDF-1.4\nx\n%%EOF${'\n'.repeat(500)}`)],
    ['image/png', png()],
    ['image/jpeg', jpeg()],
    ['image/jpeg', bytes(`\xff\xd8\xff\xe1x\xff\xd9${'\0'.repeat(64)}`)],
    ['image/jpeg', bytes('\xff\xd8\xff\xd9')],
    ['image/jpeg', bytes(`${WITH_THUMBNAIL}\xff\xd9${TRAILER}`)],
    ['image/png', bytes(`${String.fromCharCode(...png())}${TRAILER}`)],
    ['application/pdf', bytes(`%PDF-1.4\nx\n%%EOF\n${TRAILER}`)],
  ] as const)('a file is recognised as %s by its content', async (type, file) => {
    for (const size of SIZES) expect(await inspect(file, size)).toEqual({ type, passed: file.length })
  })

  test.each([
    ['a program', bytes('MZ\x90\0 and so on, for a while')],
    ['a web page', bytes('<html><script>alert(1)</script></html>')],
    ['a vector image', bytes('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['a GIF', bytes('GIF89a and so on, for a while')],
    ['a PDF that begins later', bytes('\n%PDF-1.7 and so on, for a while %%EOF')],
    ['a PNG in name only', bytes('\x89PNG\r\n\x1a\n and no header of an image')],
    ['a few bytes', bytes('%PD')],
    ['one byte', bytes('\xff')],
  ])('refuses %s as an unsupported file type and passes none of its bytes on', async (_, file) => {
    for (const size of SIZES) expect(await inspect(file, size)).toEqual({ code: 'unsupported_media_type', passed: 0 })
  })

  test.each([
    ['PDF', pdf('x'.repeat(5_000)).subarray(0, -8)],
    ['PNG', png().subarray(0, -1)],
    ['JPEG', jpeg().subarray(0, -1)],
    ['JPEG with a thumbnail that is whole', bytes(WITH_THUMBNAIL)],
    ['JPEG of zeros', bytes(`\xff\xd8\xff\xe0${'\0'.repeat(100)}`)],
  ])('refuses an incomplete or damaged %s', async (_, file) => {
    for (const size of SIZES) expect((await inspect(file, size)).code).toBe('validation_failed')
  })
})

test.each([
  ['scan.PDF', 'application/pdf', 'scan.PDF'],
  ['scan.html', 'application/pdf', 'scan.html.pdf'],
  ['photo.jpeg', 'image/jpeg', 'photo.jpeg'],
  ['photo', 'image/jpeg', 'photo.jpg'],
  ['photo.png', 'image/jpeg', 'photo.png.jpg'],
] as const)('a file named %s of type %s is saved as %s', (name, type, saved) => {
  expect(withSuffix(name, type)).toBe(saved)
})

test.each([
  ['a b.pdf', `attachment; filename="a b.pdf"; filename*=UTF-8''a%20b.pdf`],
  ['Ärztin.pdf', `attachment; filename="Arztin.pdf"; filename*=UTF-8''%C3%84rztin.pdf`],
  ['x"; y=\\1.pdf', `attachment; filename="x__ y__1.pdf"; filename*=UTF-8''x%22%3B%20y%3D%5C1.pdf`],
  [`it's*(1).pdf`, `attachment; filename="it_s_(1).pdf"; filename*=UTF-8''it%27s%2A%281%29.pdf`],
  [
    'a\r\nSet-Cookie: b.pdf',
    `attachment; filename="a__Set-Cookie_ b.pdf"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b.pdf`,
  ],
  ['図.pdf', `attachment; filename="_.pdf"; filename*=UTF-8''%E5%9B%B3.pdf`],
])('encodes the file name %j in Content-Disposition', (name, header) => {
  expect(contentDisposition(name)).toBe(header)
})
