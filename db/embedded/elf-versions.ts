// Layout: System V ABI (64-bit ELF) and the symbol versioning of the Linux Standard Base Core, chapter 10.
const dynamicSymbols = 11
const versionNeeds = 0x6ffffffe
const versionTable = 0x6fffffff
const symbolSize = 24

// Newer names of older glibc symbols whose changes do not matter here, with the length of the prefix to cut off:
// __isoc23_strtol becomes strtol, arc4random becomes random, fmod keeps its name.
const replaceable: [prefix: string, skip: number][] = [
  ['__isoc23_', 9],
  ['arc4random', 4],
  ['fmod', 0],
]

/**
 * Returns a copy of a 64-bit ELF file whose references to glibc symbols newer than 2.`glibc` point to the baseline version.
 * @throws Error on a symbol without a known equivalent.
 */
export function lowerSymbolVersions(file: Buffer, glibc: number): Buffer {
  const elf = Buffer.from(file)
  const long = (offset: number) => Number(elf.readBigUInt64LE(offset))
  if (elf.readUInt32LE(0) !== 0x464c457f || elf[4] !== 2) throw new Error('not a 64-bit ELF file')

  const sections = Array.from({ length: elf.readUInt16LE(60) }, (_, index) => {
    const header = long(40) + index * elf.readUInt16LE(58)
    const [type, link] = [elf.readUInt32LE(header + 4), elf.readUInt32LE(header + 40)]
    return { type, link, offset: long(header + 24), size: long(header + 32) }
  })
  const section = (type: number) => {
    const found = sections.find((candidate) => candidate.type === type)
    if (!found) throw new Error(`ELF file without a section of type ${type}`)
    return found
  }
  const symbols = section(dynamicSymbols)
  const strings = sections[symbols.link]!.offset
  const nameAt = (offset: number) => elf.toString('latin1', strings + offset, elf.indexOf(0, strings + offset))

  const lowered = lowerNeeds(elf, section(versionNeeds).offset, glibc, nameAt)
  const versions = section(versionTable).offset
  for (let index = 0; index < symbols.size / symbolSize; index++) {
    const version = versions + 2 * index
    const baseline = lowered.get(elf.readUInt16LE(version) & 0x7fff)
    if (baseline === undefined) continue
    const symbol = symbols.offset + symbolSize * index
    const name = nameAt(elf.readUInt32LE(symbol))
    const known = replaceable.find(([prefix]) => name.startsWith(prefix))
    if (!known) throw new Error(`no equivalent known for ${name} in glibc 2.${glibc}`)
    elf.writeUInt32LE(elf.readUInt32LE(symbol) + known[1], symbol)
    elf.writeUInt16LE(baseline, version)
  }
  return elf
}

/** Rewrites the needed versions that are too new; returns, by their index, the baseline index of the same library. */
function lowerNeeds(
  elf: Buffer,
  first: number,
  glibc: number,
  nameAt: (offset: number) => string,
): Map<number, number> {
  const lowered = new Map<number, number>()
  for (const library of chain(elf, first, 12)) {
    const needs = chain(elf, library + elf.readUInt32LE(library + 8), 12).map((offset) => ({
      offset,
      name: nameAt(elf.readUInt32LE(offset + 8)),
      index: elf.readUInt16LE(offset + 6) & 0x7fff,
    }))
    const named = (wanted: string) => needs.find(({ name }) => name === wanted)
    // The first glibc versions for x64 and for arm64.
    const baseline = named('GLIBC_2.2.5') ?? named('GLIBC_2.17')
    for (const need of needs.filter(({ name }) => requiredMinor(name) > glibc)) {
      if (!baseline) throw new Error(`no baseline version for ${need.name}`)
      elf.copyWithin(need.offset, baseline.offset, baseline.offset + 4)
      elf.writeUInt32LE(elf.readUInt32LE(baseline.offset + 8), need.offset + 8)
      lowered.set(need.index, baseline.index)
    }
  }
  return lowered
}

function requiredMinor(version: string): number {
  if (version === 'GLIBC_ABI_DT_RELR') return 36
  return Number(/^GLIBC_2\.(\d+)$/.exec(version)?.[1] ?? 0)
}

/** The offsets of a linked list of records; each holds, at `nextAt`, the distance to the next record or 0. */
function chain(elf: Buffer, first: number, nextAt: number): number[] {
  const offsets = [first]
  for (let offset = first; elf.readUInt32LE(offset + nextAt) !== 0; ) {
    offset += elf.readUInt32LE(offset + nextAt)
    offsets.push(offset)
  }
  return offsets
}
