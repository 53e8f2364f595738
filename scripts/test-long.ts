// `bun run test:long [options of bun test]`: the test files that read TEST_SCALE, at full counts.
import { join } from 'node:path'

const root = join(import.meta.dir, '..')
const files: string[] = []
for await (const file of new Bun.Glob('test/**/*.test.ts').scan(root)) {
  if ((await Bun.file(join(root, file)).text()).includes('TEST_SCALE')) files.push(`./${file.replaceAll('\\', '/')}`)
}

const tests = Bun.spawn([process.execPath, 'test', ...files.sort(), ...process.argv.slice(2)], {
  cwd: root,
  env: { ...process.env, TEST_SCALE: 'full' },
  stdio: ['inherit', 'inherit', 'inherit'],
})
process.exit(await tests.exited)
