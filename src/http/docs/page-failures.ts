/**
 * Plain script of the page: a plugin that shows a failure as one line, and the rest of it on a click. An operation has a
 * dozen failures, each with examples and headers, and drawing them all takes longer than drawing the operation.
 */
export const failuresScript = `const shortFailures = ({ React }) => ({
  wrapComponents: {
    response: (Response) =>
      function ShortResponse(props) {
        const [isOpen, setOpen] = React.useState(false)
        if (isOpen || Number(props.code) < 400) return React.createElement(Response, props)
        const words = (props.response.get('description') ?? '').split('\`')
        const button = React.createElement(
          'button',
          { type: 'button', className: 'failure', 'aria-expanded': false, onClick: () => setOpen(true) },
          words.map((text, i) => (i % 2 ? React.createElement('code', { key: i }, text) : text)),
        )
        return React.createElement(
          'tr',
          { className: 'response', 'data-code': props.code },
          React.createElement('td', { className: 'response-col_status' }, props.code),
          React.createElement('td', { className: 'response-col_description', colSpan: 2 }, button),
        )
      },
  },
})
`
