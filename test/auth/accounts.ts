import { afterAll } from 'bun:test'
import { createApp } from '../../src/app'
import { closeDeps, openDeps } from '../../src/open-deps'
import type { TestApp } from '../support/app'
import { createClient } from '../support/client'

export const PASSWORD = 'correct horse battery'
let serial = 0

export const newEmail = () => `someone-${++serial}-${crypto.randomUUID().slice(0, 8)}@example.org`

/** The body of a patient's registration. */
export const patientBody = (over: Record<string, unknown> = {}) => ({
  role: 'patient',
  email: newEmail(),
  password: PASSWORD,
  name: 'Ada Lovelace',
  dateOfBirth: '1990-12-10',
  ...over,
})

/** The body of a doctor's registration. */
export const doctorBody = (over: Record<string, unknown> = {}) => ({
  role: 'doctor',
  email: newEmail(),
  password: PASSWORD,
  name: 'Grace Hopper',
  specialization: 'Cardiology',
  licenseNumber: 'NY-1',
  ...over,
})

/** Creates and uses accounts through the API, as a client does. */
export function createAccounts({ app, anonymous }: Pick<TestApp, 'app' | 'anonymous'>) {
  return {
    /** A client that sends this access token. */
    withToken: (accessToken: string) =>
      createClient(
        async (request) => app.fetch(request, { peerAddress: '127.0.0.1' }),
        async () => accessToken,
      ),

    async newAccount(over: Record<string, unknown> = {}) {
      const body = patientBody(over)
      const { status, body: tokens } = await anonymous.post('/auth/register', body)
      if (status !== 201) throw new Error(`registering answered ${status}`)
      return { email: body.email, ...tokens }
    },

    async signIn(email: string, password = PASSWORD) {
      return anonymous.post('/auth/login', { email, password })
    },

    async refresh(refreshToken: string) {
      return anonymous.post('/auth/refresh', { refreshToken })
    },
  }
}

/** Another copy of the API on the same databases, with the same clock. */
export function openCopy({ deps: { config, clock } }: Pick<TestApp, 'deps'>) {
  const deps = openDeps(config, { clock })
  const app = createApp(deps)
  afterAll(() => closeDeps(deps))
  const anonymous = createClient(async (request) => app.fetch(request, { peerAddress: '127.0.0.1' }))
  return { deps, app, anonymous, ...createAccounts({ app, anonymous }) }
}
