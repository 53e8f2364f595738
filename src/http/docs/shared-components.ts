import { type ApiDescription, operationsOf } from './document'

type Kind = 'examples' | 'headers' | 'parameters' | 'responses'
type Place = { holder: Record<string, unknown>; key: string; name: string }

/** Writes each example, header, parameter and failure once, as a component, and refers to it everywhere else. */
export function shareComponents(document: ApiDescription): void {
  share(document, 'examples', examplesOf(document))
  share(document, 'headers', headersOf(document))
  share(document, 'parameters', parametersOf(document))
  share(document, 'responses', failuresOf(document))
}

const responsesOf = (document: ApiDescription) =>
  operationsOf(document).flatMap(({ operation: { responses } }) =>
    Object.entries(responses).map(([status, response]) => ({ responses, status, response })),
  )

const examplesOf = (document: ApiDescription): Place[] =>
  responsesOf(document).flatMap(({ response: { content = {} } }) =>
    Object.values(content).flatMap(({ examples = {} }) =>
      Object.keys(examples).map((key) => ({ holder: examples, key, name: key })),
    ),
  )

const headersOf = (document: ApiDescription): Place[] =>
  responsesOf(document).flatMap(({ response: { headers = {} } }) =>
    Object.keys(headers).map((key) => ({ holder: headers, key, name: key.replaceAll('-', '') })),
  )

const parametersOf = (document: ApiDescription): Place[] =>
  operationsOf(document).flatMap(({ operation: { parameters = [] } }) =>
    parameters.map(({ name }, i) => ({ holder: parameters as never, key: `${i}`, name })),
  )

const failuresOf = (document: ApiDescription): Place[] =>
  responsesOf(document)
    .filter(({ status }) => Number(status) >= 400)
    .map(({ responses, status }) => ({ holder: responses, key: status, name: status }))

/** What is written only once stays in its place. The second component of a name is called `<name>-2`. */
function share({ components }: ApiDescription, kind: Kind, places: Place[]): void {
  const shared: Record<string, unknown> = {}
  const used = new Map<string, number>()
  for (const same of Map.groupBy(
    places,
    ({ holder, key, name }) => `${name} ${JSON.stringify(holder[key])}`,
  ).values()) {
    const { holder, key, name } = same[0]!
    if (same.length < 2) continue
    const count = (used.get(name) ?? 0) + 1
    used.set(name, count)
    const component = count === 1 ? name : `${name}-${count}`
    shared[component] = holder[key]
    for (const place of same) place.holder[place.key] = { $ref: `#/components/${kind}/${component}` }
  }
  components[kind] = { ...components[kind], ...shared }
}
