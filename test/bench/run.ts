// `bun run bench [name …] [workload …] [--rows 100000] [--seconds 2] [--rounds 3] [--connections 32]
// [--only part]`: a bench called x is
// the file x.bench.ts beside this, and a workload one of workloads.ts.
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
    rounds: { type: 'string' },
    connections: { type: 'string' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const isWorkload = (name: string) => /^w\d+$/i.test(name)
const names = positionals.filter((name) => !isWorkload(name))
const unknown = names.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`There is no bench called ${unknown.join(' or ')}: there are ${known.join(', ')}.`)
  process.exit(1)
}

console.log(`Bun ${Bun.version}, ${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown kind'}`)
try {
  for (const name of names.length > 0 ? names : known) {
    const { bench } = (await import(`./${name}${ENDING}`)) as { bench: Bench }
    const load = loadavg()[0]!.toFixed(1)
    console.log(`\n${name}: ${bench.title}\n(load before: ${load}; an idle machine has less than 0.5)\n`)
    const choose = (name: 'seconds' | 'rounds' | 'connections', usual: number) =>
      Number(values[name] ?? bench.defaults?.[name] ?? usual)
    await bench.run({
      rows: Number(values.rows),
      seconds: choose('seconds', 4),
      rounds: choose('rounds', 5),
      connections: choose('connections', 16),
      workloads: positionals.filter(isWorkload).map((name) => name.toUpperCase()),
      only: values.only,
      write: values.write,
    })
  }
} finally {
  await stopDatabases()
}
process.exit(process.exitCode ?? 0)
