// `bun run build [folder]`: empties `dist` or the folder named, and builds the programs of the image into it.
import { rm } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { billOfMaterials, noticesOf, runtimePackages } from './third-party'

const API = 'src/index.ts'
/** The other programs of the image. Code that they share goes into separate files beside them. */
const COMMANDS = [
  'src/commands/admin-create.ts',
  'src/commands/verify-command.ts',
  'src/commands/reconcile-command.ts',
  'src/commands/audit-reconcile.ts',
  'src/commands/audit-prune.ts',
  'db/migrate-command.ts',
]

const root = join(import.meta.dir, '..')
const outdir = resolve(process.argv[2] ?? join(root, 'dist'))

await rm(outdir, { recursive: true, force: true })
const common = {
  root,
  outdir,
  target: 'bun',
  // bcrypt's addon is copied beside the bundle: the image needs no node_modules.
  naming: { entry: '[name].js', chunk: '[name]-[hash].js', asset: '[name]-[hash].[ext]' },
} as const
/** Bytecode spares a start the parsing. Bun makes it of CommonJS in one file only, and ignores that of another version. */
const bytecode = { format: 'cjs', bytecode: true, minify: { whitespace: true, syntax: true } } as const
/** Loaded when needed. In files of their own, since bytecode is read as a whole. */
const LAZY = {
  stripe: 'stripe',
  ioredis: 'ioredis',
  './assets': join(root, 'src/http/docs/assets.ts'),
}
const fileOf = (name: string) => `${basename(name)}.lazy`
const leaveOutLazy: Bun.BunPlugin = {
  name: 'leave out what is loaded when needed',
  setup(build) {
    const names = RegExp(`^(?:${Object.keys(LAZY).join('|').replaceAll('.', '\\.')})$`)
    build.onResolve({ filter: names }, ({ path }) => ({ path: `./${fileOf(path)}.js`, external: true }))
  },
}
const builds = [
  await Bun.build({ ...common, ...bytecode, entrypoints: [join(root, API)], plugins: [leaveOutLazy] }),
  await Bun.build({ ...common, splitting: true, entrypoints: COMMANDS.map((entry) => join(root, entry)) }),
]
for (const [name, entry] of Object.entries(LAZY)) {
  const naming = { ...common.naming, entry: `${fileOf(name)}.js` }
  builds.push(await Bun.build({ ...common, ...bytecode, naming, entrypoints: [Bun.resolveSync(entry, root)] }))
}
for (const { path, size } of builds.flatMap(({ outputs }) => outputs))
  console.log(`${relative(root, path)}  ${(size / 1e6).toFixed(1)} MB`)

// The bundle contains code of these packages, whose licences demand their texts.
const packages = runtimePackages(root)
await Bun.write(join(outdir, 'THIRD-PARTY-NOTICES'), noticesOf(packages))
await Bun.write(join(outdir, 'sbom.cdx.json'), `${JSON.stringify(billOfMaterials(root, packages), null, 2)}\n`)
console.log(`THIRD-PARTY-NOTICES and sbom.cdx.json of ${packages.size} packages`)
