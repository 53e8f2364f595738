import { describe, expect, test } from 'bun:test'
import type { Role } from '../../src/actor'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { apiDocument, routesOf } from '../support/api-document'
import { createTestApp } from '../support/app'
import { CALLS, sentBy } from './calls'
import { createWorld } from './world'
import { worstShapes } from './worst-shapes'

const MAX_ERRORS = 50

const t = await createTestApp()
const world = await createWorld(t)
const document = await apiDocument()

describe('the worst bodies', () => {
  const routes = routesOf(document).filter(({ operation }) => operation.requestBody)
  for (const route of routes) {
    const name = `${route.method} ${route.path}`
    test(`${name} refuses bodies of the worst shapes with a 4xx and at most ${MAX_ERRORS} errors`, async () => {
      const { 'x-roles': roles } = route.operation
      const role: Role = typeof roles === 'string' ? 'patient' : roles[0]!
      const valid = await CALLS[name]!.call(world, role)
      const token = await signAccessToken(t.deps.config, valid.as ?? world.owner[role], t.clock.now())
      const headers = { ...sentBy(valid).headers, ...(roles !== 'public' && { authorization: `Bearer ${token}` }) }
      const breaches: string[] = []
      let asked = 0
      for (const { name, address, body, type } of worstShapes(document, route, valid)) {
        asked++
        const answer = await t.anonymous.call(route.method, address, body, {
          headers: { ...headers, 'content-type': type },
        })
        const errors: { path: string }[] = answer.body?.errors ?? []
        if (![400, 413, 415, 422].includes(answer.status)) breaches.push(`${name} → ${answer.status}`)
        if (errors.length > MAX_ERRORS) breaches.push(`${name} → ${errors.length} errors`)
        if (answer.body?.code === 'validation_failed' && errors.length === 0) breaches.push(`${name} → names nothing`)
      }
      expect(breaches).toEqual([])
      expect(asked).toBeGreaterThan(0)
    }, 120_000)
  }
})
