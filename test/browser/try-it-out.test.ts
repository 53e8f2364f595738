import { describe, expect, test } from 'bun:test'
import { seed } from '../../db/seed'
import { relayAuditEvents } from '../../src/audit/relay'
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../src/http/docs/demo-ids'
import { documentOf, type Parameter, type Route, routesOf } from '../support/api-document'
import { createTestApp } from '../support/app'

const t = await createTestApp({ DEMO_DATA: 'on' })
// Noon in New York: the day of the demo clinics does not end during the tests.
t.clock.set(`${new Date().toISOString().slice(0, 10)}T17:00:00Z`)
await seed(t.env, undefined, t.clock.now)
let document = await documentOf(t.app)
const routes = routesOf(document)

const ROLES = ['patient', 'doctor', 'admin'] as const
type Role = (typeof ROLES)[number]

async function signIn(role: Role): Promise<string> {
  const email = DEMO_ACCOUNTS.find((account) => account.startsWith(role))
  const answer = await t.anonymous.post('/auth/login', { email, password: DEMO_PASSWORD })
  return answer.body.accessToken
}
const tokens = new Map<Role | undefined, string>()
for (const role of ROLES) tokens.set(role, await signIn(role))
await relayAuditEvents(t.deps)

/** Writes that must work untouched. */
const WRITES = [
  'register',
  'signIn',
  'bookAppointment',
  'bookSeries',
  'rescheduleAppointment',
  'createRecord',
  'createPrescription',
  'joinWaitlist',
  'createPatient',
  'createRoom',
  'createClosure',
  'createVisitType',
  'createException',
  'setAvailability',
  'verifyDoctor',
  'createPayment',
  'updatePatient',
  'updateDoctor',
  'amendRecord',
  'renewPrescription',
  'refundPayment',
  'checkInAppointment',
]

/** Writes that all their roles send, one after the other. */
const AGAIN = ['bookAppointment', 'bookSeries', 'createException', 'joinWaitlist']

const exampleOf = ({ example, schema }: Parameter) => example ?? schema.example ?? schema.default

/** The request that the page sends when nothing in its form is changed. */
function untouched({ path, operation }: Route) {
  let address = path
  const query = new URLSearchParams()
  for (const parameter of operation.parameters ?? []) {
    const value = exampleOf(parameter)
    if (value === undefined) continue
    if (parameter.in === 'path') address = address.replace(`{${parameter.name}}`, String(value))
    if (parameter.in === 'query') query.set(parameter.name, String(value))
  }
  const media = operation.requestBody?.content['application/json']
  const body = media && (media.example ?? componentExample(media.schema?.$ref as string))
  return { address: query.size > 0 ? `${address}?${query}` : address, body }
}

const componentExample = (ref: string) => document.components.schemas[ref.split('/').at(-1)!]?.example

function callersOf({ operation }: Route): (Role | undefined)[] {
  const roles = operation['x-roles']
  return roles === 'public' ? [undefined] : typeof roles === 'string' ? [...ROLES] : roles
}

async function send({ method, operation }: Route, role: Role | undefined) {
  const { address, body } = untouched(routesOf(document).find((route) => isSame(route, operation))!)
  const token = tokens.get(role)
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  const { status, text, body: content } = await t.anonymous.call(method, address, body, { headers })
  const list = content?.data ?? content
  return { status, text, empty: text === '' || (Array.isArray(list) && list.length === 0) }
}

const isSame = (route: Route, { operationId }: Route['operation']) => route.operation.operationId === operationId

describe('the documentation on fresh demo data', () => {
  for (const route of routes.filter(({ method }) => method === 'GET'))
    for (const role of callersOf(route))
      test(`${route.method} ${route.path}, sent untouched by ${role ?? 'anyone'}, answers 200 with content`, async () => {
        const { status, text, empty } = await send(route, role)
        expect(status, text).toBe(200)
        expect(empty, text).toBe(false)
      })

  test.each(WRITES)('%s, sent untouched by a role that may call it, answers 2xx', async (operationId) => {
    const route = routes.find(({ operation }) => operation.operationId === operationId)!
    for (const role of AGAIN.includes(operationId) ? callersOf(route) : callersOf(route).slice(0, 1)) {
      // A minute later the page shows other times.
      t.clock.advance(60_000)
      document = await documentOf(t.app)
      if (role) tokens.set(role, await signIn(role))
      const { status, text } = await send(route, role)
      expect(status < 300 ? '' : `${role}: ${text}`).toBe('')
    }
  })

  test('optional parameters and idempotency keys have no example, so that forms leave them empty', () => {
    const filled = routes.flatMap(({ operation }) =>
      (operation.parameters ?? [])
        .filter(({ required, example, schema }) => !required && (example ?? schema.example) !== undefined)
        .map(({ name }) => `${operation.operationId}: ${name}`),
    )
    expect(filled).toEqual([])
  })
})
