import { DEMO_ACCOUNTS, DEMO_PASSWORD } from './demo-ids'
import { failuresScript } from './page-failures'

/** Signs in with one click. The page has it only where the demo data are. */
export const signInBox = `<form id="sign-in" data-password="${DEMO_PASSWORD}">
      <span>Sign in to the demo data as</span>
      ${DEMO_ACCOUNTS.map((email) => `<button type="submit" value="${email}">${email}</button>`).join('\n      ')}
      <output aria-live="polite"></output>
    </form>`

/** Plain script of the page. A write gets a new idempotency key unless the form has one. */
export const startScript = `${failuresScript}
const here = document.currentScript.src
const address = (path) => new URL('../' + path, here).href
const place = address('openapi.json')
let ui
fetch(place)
  .then((answer) => answer.json())
  .then((api) => {
    const servers = api.servers.map((server) => ({ ...server, url: new URL(server.url, place).href.replace(/\\/$/, '') }))
    ui = SwaggerUIBundle({
      spec: { ...withoutFailures(api), servers },
      dom_id: '#swagger-ui',
      deepLinking: true,
      displayRequestDuration: true,
      docExpansion: 'list',
      filter: true,
      plugins: [shortFailures(api)],
      persistAuthorization: true,
      validatorUrl: null,
      requestInterceptor: (request) => {
        const writes = request.method !== undefined && request.method !== 'GET'
        if (writes && request.headers.Authorization && !request.headers['Idempotency-Key'] && crypto.randomUUID)
          request.headers['Idempotency-Key'] = crypto.randomUUID()
        return request
      },
    })
  })

const box = document.getElementById('sign-in')
box?.addEventListener('submit', async (event) => {
  event.preventDefault()
  const email = event.submitter.value
  const output = box.querySelector('output')
  const response = await fetch(address('auth/login'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email, password: box.dataset.password }),
  })
  const answer = await response.json()
  if (response.ok) ui.preauthorizeApiKey('bearerAuth', answer.accessToken)
  output.textContent = response.ok ? 'Signed in as ' + email + ' for 15 minutes.' : answer.detail
})
`
