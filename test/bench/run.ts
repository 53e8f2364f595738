// `bun run bench [name …] [--rows 100000] [--seconds 2] [--rounds 3] [--only sub]`: a bench called x is the file x.bench.ts beside this.
import { readdirSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { stopDatabases } from '../support/databases'
import type { Bench } from './bench'

const ENDING = '.bench.ts'
const known = readdirSync(import.meta.dir)
  .filter((file) => file.endsWith(ENDING))
  .map((file) => file.slice(0, -ENDING.length))
  .sort()

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '1000000' },
    seconds: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '16' },
    only: { type: 'string' },
  },
})
const unknown = positionals.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`There is no bench called ${unknown.join(' or ')}: there are ${known.join(', ')}.`)
  process.exit(1)
}

console.log(`Bun ${Bun.version}, ${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown kind'}`)
try {
  for (const name of positionals.length > 0 ? positionals : known) {
    const { bench } = (await import(`./${name}${ENDING}`)) as { bench: Bench }
    const load = loadavg()[0]!.toFixed(1)
    console.log(`\n${name}: ${bench.title}\n(load before: ${load}; an idle machine has less than 0.5)\n`)
    await bench.run({
      rows: Number(values.rows),
      seconds: Number(values.seconds ?? bench.seconds ?? 4),
      rounds: Number(values.rounds),
      connections: Number(values.connections),
      only: values.only,
    })
  }
} finally {
  await stopDatabases()
}
process.exit(0)
