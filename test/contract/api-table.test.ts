import { describe, expect, test } from 'bun:test'
import { apiDocument, createIdleApp, type Roles, type Route, routesOf, type Schema } from '../support/api-document'
import { API, LATER } from './api-table'
import { propertiesOf } from './schema-walk'

const document = await apiDocument()
const routes = new Map(routesOf(document).map((route) => [`${route.method} ${route.path}`, route]))
const words = (text = '') => text.split(' ').filter(Boolean)

/** Still served for clients that know them, but not in the document. */
const FORMER_PATHS = ['POST /payments/webhooks/{provider}']

describe('routes of the OpenAPI document', () => {
  test.each(Object.entries(API))('%s has the roles, fields and headers that the API contract promises', (name, row) => {
    const route = routes.get(name)
    expect(route, `${name} is not in the document`).toBeDefined()
    const { operation } = route!
    const { parameters = [], requestBody, responses } = operation
    const status = row.status ?? 200
    const known = (schema: Schema | undefined) => Object.keys(schema ? propertiesOf(document, schema) : {})

    expect(allows(operation['x-roles'])).toEqual(allows(row.who))
    expect(Object.keys(responses)).toContain(String(status))

    const query = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
    expect(query.toSorted()).toEqual(words(row.query).toSorted())

    const body = known(requestBody?.content['application/json']?.schema)
    expect(body).toEqual(expect.arrayContaining(words(row.body)))
    for (const field of words(LATER[name])) expect(body, 'has a field of a later piece').not.toContain(field)

    const answer = answerSchema(route!, status)
    if (row.list) expect(known(answer).toSorted()).toEqual(['data', 'nextCursor'])
    const shown = row.list ? (propertiesOf(document, answer!).data!.items as Schema) : answer
    expect(known(shown)).toEqual(expect.arrayContaining(words(row.answer)))

    expect('ETag' in (responses[status]?.headers ?? {}), 'ETag').toBe(row.versioned ?? false)
    const ifMatch = parameters.some((parameter) => parameter.in === 'header' && parameter.name === 'If-Match')
    const changes = !name.startsWith('GET ') && status !== 201
    expect(ifMatch, 'If-Match').toBe(changes && row.versioned === true)
  })

  test('the answer to a booking links to reading, cancelling and paying it', () => {
    const { links = {} } = routes.get('POST /appointments')?.operation.responses['201'] ?? {}
    const targets = Object.values(links).map(({ operationId }) => operationId)
    const wanted = ['GET /appointments/{id}', 'PUT /appointments/{id}/cancel', 'POST /payments']
    expect(targets).toEqual(expect.arrayContaining(wanted.map((name) => routes.get(name)?.operation.operationId)))
  })

  test('the app serves exactly the routes of the OpenAPI document, and former paths of them', async () => {
    const { app, close } = createIdleApp()
    const served = app.routes
      .filter(({ method, path }) => method !== 'ALL' && !path.startsWith('/docs/'))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:([a-zA-Z]+)(\{[^}]*\})?/g, '{$1}')}`)
    await close()
    expect([...new Set(served)].toSorted()).toEqual([...routes.keys(), ...FORMER_PATHS].toSorted())
  })
})

const EVERYONE = ['admin', 'doctor', 'patient']

/** The roles in one form, so that the document and the table can be compared. */
const allows = (roles: Roles | 'anyone') =>
  roles === 'public' || roles === 'optional' || roles === 'anyone'
    ? 'anyone'
    : typeof roles === 'string'
      ? EVERYONE
      : roles.toSorted()

const answerSchema = ({ operation }: Route, status: number) =>
  operation.responses[status]?.content?.['application/json']?.schema
