import { plugin } from 'bun'

/** openapi-typescript needs the compiler API that TypeScript 7 no longer has, so it gets TypeScript 5. */
const COMPILER = 'typescript-5'
const compiler = await import(COMPILER)

plugin({
  name: 'typescript-5',
  setup(build) {
    build.module('typescript', () => ({ exports: { ...compiler, default: compiler }, loader: 'object' }))
  },
})

const { default: openapiTS, astToString } = await import('openapi-typescript')
console.log(astToString(await openapiTS(await Bun.stdin.json())))
