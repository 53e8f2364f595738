/**
 * Plain script of the page: failures as lines of their own. An operation has a dozen, and Swagger UI would resolve and draw the
 * schemas, examples and headers of all of them before it shows the operation: it gets the document without these parts, and a
 * click on a failure shows its examples.
 */
export const failuresScript = `const isFailure = (status) => Number(status) >= 400
const referred = (document, kind, part) => (part.$ref ? document.components[kind][part.$ref.split('/').at(-1)] : part)

function withoutFailures(document) {
  const shown = structuredClone(document)
  for (const operations of Object.values(shown.paths))
    for (const { responses } of Object.values(operations))
      for (const [status, response] of Object.entries(responses))
        if (isFailure(status)) responses[status] = { description: referred(document, 'responses', response).description }
  return shown
}

function examplesOf(document, path, method, status) {
  const { content } = referred(document, 'responses', document.paths[path][method].responses[status])
  const examples = Object.values(content['application/problem+json'].examples)
  return examples.map((example) => JSON.stringify(referred(document, 'examples', example).value, null, 2)).join('\\n\\n')
}

const shortFailures = (document) => ({ React }) => ({
  wrapComponents: {
    response: (Response) =>
      function ShortResponse(props) {
        const { path, method, code, response } = props
        const [isOpen, setOpen] = React.useState(false)
        if (!isFailure(code)) return React.createElement(Response, props)
        const words = (response.get('description') ?? '').split('\`')
        const line = words.map((text, i) => (i % 2 ? React.createElement('code', { key: i }, text) : text))
        const toggle = { type: 'button', className: 'failure', 'aria-expanded': isOpen, onClick: () => setOpen(!isOpen) }
        return React.createElement(
          'tr',
          { className: 'response', 'data-code': code },
          React.createElement('td', { className: 'response-col_status' }, code),
          React.createElement(
            'td',
            { className: 'response-col_description', colSpan: 2 },
            React.createElement('button', toggle, ...line),
            isOpen && React.createElement('pre', { className: 'example' }, examplesOf(document, path, method, code)),
          ),
        )
      },
  },
})
`
