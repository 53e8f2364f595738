import { sql } from 'kysely'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { readConfig } from '../../src/config'
import { closeDeps, openDeps } from '../../src/open-deps'
import { createDatabases } from '../support/databases'
import { createFactories } from '../support/factories'
import { type Bench, printTable } from './bench'
import { compare, surprises } from './load'
import { environmentOf, startServer } from './servers'

export const bench: Bench = {
  title: 'reads of health data with and without their audit events',
  async run(options) {
    const env = { ...environmentOf(await createDatabases()), LOG_LEVEL: 'error' }
    const config = readConfig(env)
    const deps = openDeps(config)
    const make = createFactories(deps)
    const clinic = await make.newClinic()
    const doctor = await make.newDoctor({ clinicId: clinic.id })
    const patient = await make.newPatient()
    const startsAt = new Date(Date.now() + 3_600_000)
    const appointment = await make.newAppointment({ patient, doctor, startsAt })
    await sql`
      create function forget_event() returns trigger language plpgsql as $$
        begin
          return case when current_setting('bench.audit', true) = 'off' then null else new end;
        end
      $$`.execute(deps.db)
    await sql`create trigger forget before insert on audit_outbox for each row execute function forget_event()`.execute(
      deps.db,
    )
    const token = await signAccessToken(config, patient.actor, new Date())

    const start = (audit: 'on' | 'off') =>
      startServer('test/bench/audit-api.ts', { ...env, AUDIT: audit }, '/health/ready')
    const [on, off] = await Promise.all([start('on'), start('off')])
    const rows: string[][] = []
    for (const path of [`/appointments/${appointment.id}`, '/appointments', `/patients/${patient.id}`]) {
      const requests = () => ({ method: 'GET' as const, path, token })
      const candidates = [
        { name: 'on', url: on.url, requests },
        { name: 'off', url: off.url, requests },
      ]
      for (const connections of [1, options.connections]) {
        const { on, off } = await compare(candidates, { ...options, connections })
        const unexpected = surprises(on!, 200) || surprises(off!, 200)
        if (unexpected) console.log(`  unexpected answers to ${path}: ${unexpected}`)
        const ratio = on!.perSecond / off!.perSecond
        rows.push([
          `${path.replace(/[0-9a-f-]{36}/, '{id}')}, ${connections} at a time`,
          on!.perSecond.toFixed(),
          off!.perSecond.toFixed(),
          ratio.toFixed(2),
          on!.p50.toFixed(2),
          off!.p50.toFixed(2),
        ])
      }
    }
    printTable(['read', 'audited/s', 'unaudited/s', 'ratio', 'audited p50 ms', 'unaudited p50 ms'], rows)
    await Promise.all([on.stop(), off.stop(), closeDeps(deps)])
  },
}
