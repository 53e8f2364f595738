import style from 'swagger-ui-dist/swagger-ui.css' with { type: 'text' }
import script from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'text' }
import { startScript } from './page'
import { pageStyle } from './page-style'

/** Addresses are relative, so that the page works below a path prefix too; `head` and `top` are added to it. */
export const pageWith = ({ files, head, top }: { files: string; head: string; top: string }) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Healthcare Appointment System: API</title>
    <link rel="icon" href="data:,">
    ${head}
    <link rel="stylesheet" href="${files}swagger-ui.css">
    <link rel="stylesheet" href="${files}page.css">
  </head>
  <body>
    ${top}
    <div id="swagger-ui"></div>
    <script src="${files}swagger-ui.js"></script>
    <script src="${files}start.js"></script>
  </body>
</html>
`

const JAVASCRIPT = 'text/javascript; charset=utf-8'

/** The files of the page, compiled into the bundle so that it works offline and without node_modules. */
export const assets = {
  'page.css': { content: pageStyle, type: 'text/css; charset=utf-8' },
  'swagger-ui.js': { content: script, type: JAVASCRIPT },
  'swagger-ui.css': { content: style, type: 'text/css; charset=utf-8' },
  'start.js': { content: startScript, type: JAVASCRIPT },
}
