import { expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import { assertDiskSpace } from '../../db/embedded/disk-space'

test('too little free space for the embedded MongoDB is reported in one sentence, before it starts', () => {
  const said = 'Only 499 MiB are free for /data, and MongoDB needs 500: free some space, or set MONGODB_URI.'
  expect(() => assertDiskSpace('/data', 499.9)).toThrow(said)
  expect(() => assertDiskSpace('/data', 500)).not.toThrow()
  expect(() => assertDiskSpace(tmpdir())).not.toThrow()
})
