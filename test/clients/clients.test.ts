import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIdleApp } from '../support/api-document'
import { installGenerators } from './install'

// Bun's five seconds are short on a busy machine.
setDefaultTimeout(600_000)

const STRICT = {
  target: 'es2022',
  module: 'preserve',
  moduleResolution: 'bundler',
  lib: ['es2023', 'dom', 'dom.iterable'],
  types: [],
  strict: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: true,
  noEmit: true,
}

/** What each generator is run with, to read `openapi.json` and to write below `generated`. */
const GENERATORS = {
  'openapi-fetch': ['openapi-typescript', 'openapi.json', '--output', 'generated/openapi-typescript.ts'],
  'hey-api': ['openapi-ts', '--input', 'openapi.json', '--output', 'generated/hey-api'],
  orval: ['orval', '--input', 'openapi.json', '--output', 'generated/orval.ts', '--client', 'fetch'],
}
type Generator = keyof typeof GENERATORS

describe.skipIf(!(await installGenerators()))('generated clients', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'generated-clients-'))
    await symlink(join(import.meta.dir, 'node_modules'), join(folder, 'node_modules'))
    await cp(join(import.meta.dir, 'samples'), folder, { recursive: true })
    const { app, close } = createIdleApp()
    await Bun.write(join(folder, 'openapi.json'), await app.request('/openapi.json'))
    await close()
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test.each(Object.keys(GENERATORS) as Generator[])(
    'a client generated for %s compiles strictly, and knows the members of a problem by its code',
    async (name) => {
      await run(...GENERATORS[name])
      const config = { compilerOptions: STRICT, files: [`${name}.ts`] }
      await Bun.write(join(folder, `${name}.json`), JSON.stringify(config))
      await run('tsc', '--project', `${name}.json`)
    },
  )

  /** Runs an installed program in the folder. */
  async function run(program = '', ...parameters: string[]) {
    const command = [process.execPath, join(import.meta.dir, 'node_modules/.bin', program), ...parameters]
    const child = Bun.spawn(command, { cwd: folder, stdout: 'pipe', stderr: 'pipe' })
    const [output, errors, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    expect({ code, said: code === 0 ? '' : output + errors }).toEqual({ code: 0, said: '' })
  }
})
