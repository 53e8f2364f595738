type Segment = { header: number; type: number; offset: number; address: number; fileSize: number; memorySize: number }

const tags = { rela: 7, relaSize: 8, relrSize: 0x23, relr: 0x24, relrEntry: 0x25, relaCount: 0x6ffffff9 }
const segments = { load: 1, dynamic: 2, note: 4 }
const readable = 4
const relativeX64 = 8n
const relativeArm64 = 1027n
const machineArm64 = 183
const pageSize = 0x10000

/**
 * Returns the 64-bit ELF file with plain relative relocations (DT_RELA) instead of packed ones (DT_RELR), which glibc before
 * 2.36 cannot read. They go into a new segment at the end of the file, which replaces the notes segment.
 */
export function expandRelativeRelocations(file: Buffer): Buffer {
  const elf = Buffer.from(file)
  const long = (offset: number) => Number(elf.readBigUInt64LE(offset))
  const setLong = (offset: number, value: number) => elf.writeBigUInt64LE(BigInt(value), offset)

  const all = readSegments(elf)
  const loaded = all.filter(({ type }) => type === segments.load)
  const dynamic = all.find(({ type }) => type === segments.dynamic)
  const note = all.find(({ type }) => type === segments.note)
  if (!dynamic || !note) throw new Error('unexpected ELF layout')
  const offsetOf = (address: number) => {
    const segment = loaded.find((one) => address >= one.address && address < one.address + one.fileSize)
    if (!segment) throw new Error('ELF address outside of the file')
    return address - segment.address + segment.offset
  }

  const entries = new Map<number, number>()
  const order: [tag: number, value: number][] = []
  for (let offset = dynamic.offset; long(offset) !== 0; offset += 16) {
    order.push([long(offset), long(offset + 8)])
    entries.set(long(offset), long(offset + 8))
  }
  const [relr, relrSize, rela, relaSize] = [tags.relr, tags.relrSize, tags.rela, tags.relaSize].map((t) =>
    entries.get(t),
  )
  if (relr === undefined || relrSize === undefined) return elf
  if (rela === undefined || relaSize === undefined || entries.has(tags.relaCount))
    throw new Error('unexpected ELF layout')

  const addresses = unpack(elf, offsetOf(relr), relrSize)
  const relocation = elf.readUInt16LE(18) === machineArm64 ? relativeArm64 : relativeX64
  const table = Buffer.alloc(addresses.length * 24 + relaSize)
  for (const [index, address] of addresses.entries()) {
    table.writeBigUInt64LE(BigInt(address), index * 24)
    table.writeBigUInt64LE(relocation, index * 24 + 8)
    elf.copy(table, index * 24 + 16, offsetOf(address), offsetOf(address) + 8)
  }
  elf.copy(table, addresses.length * 24, offsetOf(rela), offsetOf(rela) + relaSize)

  const newOffset = roundUp(elf.length)
  const newAddress = roundUp(Math.max(...loaded.map(({ address, memorySize }) => address + memorySize)))
  elf.writeUInt32LE(segments.load, note.header)
  elf.writeUInt32LE(readable, note.header + 4)
  const fields = [newOffset, newAddress, newAddress, table.length, table.length, pageSize]
  for (const [index, value] of fields.entries()) setLong(note.header + 8 + index * 8, value)

  elf.fill(0, dynamic.offset, dynamic.offset + dynamic.fileSize)
  const dropped = [tags.relr, tags.relrSize, tags.relrEntry]
  for (const [index, [tag, value]] of order.filter(([tag]) => !dropped.includes(tag)).entries()) {
    const replaced = tag === tags.rela ? newAddress : tag === tags.relaSize ? table.length : value
    setLong(dynamic.offset + index * 16, tag)
    setLong(dynamic.offset + index * 16 + 8, replaced)
  }
  return Buffer.concat([elf, Buffer.alloc(newOffset - elf.length), table])
}

function readSegments(elf: Buffer): Segment[] {
  const long = (offset: number) => Number(elf.readBigUInt64LE(offset))
  return Array.from({ length: elf.readUInt16LE(56) }, (_, index) => {
    const header = long(32) + index * elf.readUInt16LE(54)
    const [offset, address] = [long(header + 8), long(header + 16)]
    return {
      header,
      type: elf.readUInt32LE(header),
      offset,
      address,
      fileSize: long(header + 32),
      memorySize: long(header + 40),
    }
  })
}

/** An even word is an address; an odd word is a bitmap over the 63 words after the last address. */
function unpack(elf: Buffer, start: number, size: number): number[] {
  const addresses: number[] = []
  let next = 0
  for (let offset = start; offset < start + size; offset += 8) {
    const word = elf.readBigUInt64LE(offset)
    if ((word & 1n) === 0n) {
      addresses.push(Number(word))
      next = Number(word) + 8
      continue
    }
    for (let bits = word >> 1n, bit = 0; bits !== 0n; bits >>= 1n, bit++) {
      if ((bits & 1n) === 1n) addresses.push(next + 8 * bit)
    }
    next += 63 * 8
  }
  return addresses
}

const roundUp = (size: number) => Math.ceil(size / pageSize) * pageSize
