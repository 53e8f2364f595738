import type { Role } from '../../src/actor'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { readConfig } from '../../src/config'
import { closeDeps, openDeps } from '../../src/open-deps'
import type { Call } from '../contract/call'
import type { Route } from '../support/api-document'
import { createFactories } from '../support/factories'

/** Makes the headers of bad requests: those of a patient, doctor or admin. `close` closes its pools. */
export type Attacker = Awaited<ReturnType<typeof createAttacker>>

export async function createAttacker(env: Record<string, string>) {
  const deps = openDeps(readConfig(env))
  await deps.mongo.ready()
  const make = createFactories(deps)
  const { id: clinicId } = await make.newClinic()
  const people = {
    patient: (await make.newPatient()).actor,
    doctor: (await make.newDoctor({ clinicId })).actor,
    admin: await make.newAdmin(),
  }
  const tokenOf = (role: Role) => signAccessToken(deps.config, people[role], new Date())

  return {
    async headersOf({ operation: { 'x-roles': roles } }: Route): Promise<Record<string, string>> {
      if (roles === 'public') return { 'stripe-signature': `t=${Math.floor(Date.now() / 1000)},v1=${'0'.repeat(64)}` }
      return { authorization: `Bearer ${await tokenOf(typeof roles === 'string' ? 'patient' : roles[0]!)}` }
    },
    close: () => closeDeps(deps),
  }
}

/** A body is refused before anything is looked up, so any ids do. */
export function callOf({ operation }: Route): Call {
  const path = Object.fromEntries(
    (operation.parameters ?? [])
      .filter((parameter) => parameter.in === 'path')
      .map(({ name, schema: { format, example } }) => [
        name,
        format === 'uuid' || example === undefined ? crypto.randomUUID() : String(example),
      ]),
  )
  const media = operation.requestBody?.content['application/json']
  return { path, body: (media?.example ?? {}) as Record<string, unknown> }
}
