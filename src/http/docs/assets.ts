import style from 'swagger-ui-dist/swagger-ui.css' with { type: 'text' }
import script from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'text' }

/** Addresses are relative, so that the page works below a path prefix too. */
export const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Healthcare Appointment System: API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`

const start = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  filter: true,
  persistAuthorization: true,
  validatorUrl: null,
})
`

const JAVASCRIPT = 'text/javascript; charset=utf-8'

/** The files of the page, compiled into the bundle so that it works offline and without node_modules. */
export const assets = {
  'swagger-ui.js': { content: script, type: JAVASCRIPT },
  'swagger-ui.css': { content: style, type: 'text/css; charset=utf-8' },
  'start.js': { content: start, type: JAVASCRIPT },
}
