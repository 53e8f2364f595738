// Tests the container image without a container engine: runs the steps of the Dockerfile in an empty folder, and starts
// the programs they build in production mode against databases of its own.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { startEmbeddedMongo } from '../db/embedded/mongo'
import { startEmbeddedPostgres } from '../db/embedded/postgres'
import { filesOf, followDockerfile, type Image } from './dockerfile'

const METRICS_TOKEN = 'smoke-metrics-token'
const project = join(import.meta.dir, '..')
const begun = performance.now()
const folder = mkdtempSync(join(tmpdir(), 'image-'))
chmodSync(folder, 0o755)

const path = { PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`, HOME: folder }
/** The cache of this machine, so that nothing is downloaded again; a container's would be empty. */
const cache = {
  BUN_INSTALL_CACHE_DIR: process.env.BUN_INSTALL_CACHE_DIR ?? join(process.env.HOME ?? folder, '.bun/install/cache'),
}

let failed = 0
function check(what: string, holds: boolean, found?: unknown): void {
  if (!holds) failed++
  console.log(
    `${holds ? 'ok  ' : 'FAIL'} ${what}${holds || found === undefined ? '' : ` (found ${JSON.stringify(found)})`}`,
  )
}

await using cleanUp = new AsyncDisposableStack()
cleanUp.defer(() => rmSync(folder, { recursive: true, force: true }))

const image = await followDockerfile(project, join(folder, 'stages'), { ...path, ...cache })
const files = filesOf(image)
check(`the base image has this Bun, ${Bun.version}`, image.base.includes(`:${Bun.version}`), image.base)
check('it runs as an ordinary user', image.user !== undefined && image.user !== 'root', image.user)
check(
  'it carries no node_modules, sources or tests',
  files.every((file) => file.startsWith('dist')),
  files,
)

const { name, version, license, dependencies } = await Bun.file(join(project, 'package.json')).json()
const label = (key: string) => image.labels[`org.opencontainers.image.${key}`]
check('its labels agree with package.json', label('version') === version && label('licenses') === license, image.labels)
check('its labels name the base image', label('base.name') === `docker.io/${image.base}`, label('base.name'))
const inImage = (file: string) => readFileSync(join(image.root, image.workdir, 'dist', file), 'utf8')
const bill = JSON.parse(inImage('sbom.cdx.json')) as {
  bomFormat: string
  components: { name: string; version: string }[]
}
const listed = bill.components.map((component) => component.name)
const missing = Object.keys(dependencies).filter((one) => !listed.includes(one))
check(
  `the bill of materials of ${name} lists every dependency`,
  bill.bomFormat === 'CycloneDX' && missing.length === 0,
  missing,
)
check(
  'it carries the licences of all of them',
  bill.components.every((one) => inImage('THIRD-PARTY-NOTICES').includes(`\n${one.name} ${one.version} (`)),
)

const installed = readdirSync(join(folder, 'stages/build/app/node_modules')).flatMap((one) =>
  one.startsWith('@')
    ? readdirSync(join(folder, 'stages/build/app/node_modules', one)).map((part) => `${one}/${part}`)
    : [one],
)
const needless = installed.filter((one) => !one.startsWith('.') && !listed.includes(one))
check(
  'its build installs nothing that only development needs',
  installed.length > 20 && needless.length === 0,
  needless,
)

const environment = await startDatabases()
const port = await freePort()
check('the migrations can be run apart', (await exec(image, ['bun', 'dist/migrate-command.js'])) === 0)
const api = Bun.spawn(image.command, {
  cwd: join(image.root, image.workdir),
  env: {
    ...path,
    ...image.env,
    ...environment,
    PORT: `${port}`,
    HOST: '127.0.0.1',
    METRICS_TOKEN,
    MIGRATE_ON_START: 'off',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
})
cleanUp.defer(() => api.kill('SIGKILL'))
const log = new Response(api.stdout).text()
const ready = await untilReady(`http://127.0.0.1:${port}/health/ready`)
check('it becomes ready with both databases', ready?.status === 'ok', ready)
if (ready) {
  await tryOut(`http://127.0.0.1:${port}`)
  await tryCommands()
}

api.kill((image.stopSignal ?? 'SIGTERM') as NodeJS.Signals)
const code = await Promise.race([api.exited, Bun.sleep(10_000)])
check('it stops in order when asked to', code === 0, code)
if (failed > 0) console.log(await log)
console.log(`${failed === 0 ? 'passed' : `${failed} failed`} in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
await cleanUp.disposeAsync()
process.exit(failed === 0 ? 0 : 1)

async function startDatabases(): Promise<Record<string, string>> {
  const directory = join(folder, 'databases')
  mkdirSync(directory)
  const [postgres, mongo] = await Promise.all([
    startEmbeddedPostgres({ directory: join(directory, 'postgres'), ephemeral: true }),
    startEmbeddedMongo({ directory: join(directory, 'mongo'), ephemeral: true }),
  ])
  cleanUp.defer(async () => void (await Promise.all([postgres.stop(), mongo.stop()])))
  const secret = () => Buffer.from(crypto.getRandomValues(new Uint8Array(48))).toString('base64')
  return {
    POSTGRESQL_HOST: postgres.host,
    POSTGRESQL_PORT: `${postgres.port}`,
    POSTGRESQL_USER: postgres.user,
    POSTGRESQL_PASSWORD: postgres.password,
    POSTGRESQL_DATABASE: postgres.database,
    MONGODB_URI: mongo.uri,
    MONGODB_DATABASE: 'clinic',
    JWT_ACCESS_SECRET: secret(),
    JWT_REFRESH_SECRET: secret(),
    PASSWORD_PEPPER: secret(),
    AUDIT_SIGNING_KEY: secret(),
  }
}

async function freePort(): Promise<number> {
  const probe = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  const { port } = probe
  await probe.stop(true)
  return port!
}

async function tryOut(url: string): Promise<void> {
  for (const path of ['/openapi.json', '/docs', '/docs/swagger-ui.js', '/docs/swagger-ui.css', '/docs/start.js']) {
    const { status, headers } = await fetch(url + path)
    check(`GET ${path}`, status === 200 && (headers.get('content-type') ?? '') !== '', status)
  }
  check('metrics are closed', (await fetch(`${url}/metrics`)).status === 401)
  const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  check('and open to the token', (await metrics.text()).includes('http_request_duration_seconds'))

  const account = { email: 'smoke@example.org', password: 'a quite long passphrase 7' }
  const send = (path: string, body: object) =>
    fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const patient = { role: 'patient', name: 'Smoke Test', dateOfBirth: '1990-05-17' }
  const registered = await send('/auth/register', { ...patient, ...account })
  check('a patient registers', registered.status === 201, registered.status)
  const signedIn = await send('/auth/login', account)
  check('and signs in', signedIn.status === 200, signedIn.status)
  if (!signedIn.ok) return
  const { accessToken, user } = (await signedIn.json()) as { accessToken: string; user: { patientId: string } }
  const own = await fetch(`${url}/patients/${user.patientId}`, { headers: { authorization: `Bearer ${accessToken}` } })
  check('and reads their own history, from both databases', own.status === 200, own.status)
}

async function untilReady(url: string): Promise<{ status: string } | undefined> {
  for (const until = Date.now() + 15_000; Date.now() < until && api.exitCode === null; await Bun.sleep(50)) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.ok) return (await response.json()) as { status: string }
  }
  return undefined
}

/** The commands that README and compose.yaml name, as they run in the container. */
async function tryCommands(): Promise<void> {
  check('the health check passes', (await exec(image, image.healthcheck)) === 0)
  const admin = ['bun', 'dist/admin-create.js', 'admin@example.org', 'Ada Admin']
  check('the first admin can be made', (await exec(image, admin, 'a quite long passphrase 8\n')) === 0)
  check('the audit trail can be verified', (await exec(image, ['bun', 'dist/verify-command.js'])) === 0)
  check('old audit events can be pruned', (await exec(image, ['bun', 'dist/audit-prune.js'])) === 0)
  const reconcile = ['bun', 'dist/reconcile-command.js', '--from', '2026-01-01', '--to', '2026-01-31']
  check('payments can be reconciled', (await exec(image, reconcile)) === 0)
}

async function exec({ root, workdir, env }: Image, command: string[], input = ''): Promise<number> {
  const child = Bun.spawn(command, {
    cwd: join(root, workdir),
    env: { ...path, ...env, ...environment, PORT: `${port}` },
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [output, problem, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  if (code !== 0) console.log(output + problem)
  return code
}
