import { plugin } from 'bun'

/** openapi-typescript builds on the compiler API that TypeScript 7 no longer has: it is given the last one that does. */
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
