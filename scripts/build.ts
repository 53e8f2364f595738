import { rm } from 'node:fs/promises'
import { join } from 'node:path'

/** What can be started in the image. Bundled one by one, so that each has all it needs in one file. */
const ENTRY_POINTS = [
  'src/index.ts',
  'src/auth/admin-create.ts',
  'src/audit/verify-command.ts',
  'src/payments/reconcile-command.ts',
  'db/migrate.ts',
]

const root = join(import.meta.dir, '..')
const outdir = join(root, 'dist')

await rm(outdir, { recursive: true, force: true })
for (const entry of ENTRY_POINTS) {
  const { outputs } = await Bun.build({
    entrypoints: [join(root, entry)],
    outdir,
    target: 'bun',
    // bcrypt's addon is copied beside the bundle, so that nothing of node_modules is needed.
    naming: { entry: '[name].js', asset: '[name]-[hash].[ext]' },
  })
  for (const { path, size } of outputs) console.log(`${path.slice(root.length + 1)}  ${(size / 1e6).toFixed(1)} MB`)
}
