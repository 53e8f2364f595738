import { expect, test } from 'bun:test'
import { findProgram } from '../support/programs'

const promtool = findProgram('promtool', 'the test of the alert rules')

test.skipIf(!promtool)('the alert rules are valid and fire as their tests describe', async () => {
  const tested = Bun.spawn([promtool!, 'test', 'rules', 'deploy/alerts.test.yml'], { stdout: 'pipe', stderr: 'pipe' })
  const output = (await new Response(tested.stdout).text()) + (await new Response(tested.stderr).text())
  expect({ code: await tested.exited, output }).toMatchObject({ code: 0 })
})
