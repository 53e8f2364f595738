// `bun scripts/openapi.ts > openapi.json`: prints the API's OpenAPI document. It needs no database and no settings.
import { createApp } from '../src/app'
import { readConfig } from '../src/config'
import { closeDeps, openDeps } from '../src/open-deps'

const secret = () => crypto.getRandomValues(new Uint8Array(48)).toBase64()

const deps = openDeps(
  readConfig({
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    // Never connected to: the document comes from the code alone.
    POSTGRESQL_HOST: 'nowhere',
    POSTGRESQL_USER: 'nobody',
    POSTGRESQL_DATABASE: 'none',
    MONGODB_URI: 'mongodb://nowhere/none',
    JWT_ACCESS_SECRET: secret(),
    JWT_REFRESH_SECRET: secret(),
    PASSWORD_PEPPER: secret(),
    AUDIT_SIGNING_KEY: secret(),
  }),
)
const response = await createApp(deps).request('/openapi.json')
if (!response.ok) throw new Error(`GET /openapi.json answered ${response.status}: ${await response.text()}`)
await Bun.write(Bun.stdout, `${JSON.stringify(await response.json(), null, 2)}\n`)
await closeDeps(deps)
