import { DEAD_LETTERS, QUEUES, queueOptions } from './queues'
import { jobsSchemaOf } from './schema'

/** The version of pg-boss's schema that the installed pg-boss creates. */
export const JOBS_VERSION = 46

/** The state of the job queue as a row of `version` and `queues`. */
export type InstalledJobs = { version: number; queues: Record<string, Record<string, unknown>> }

/** SQL for InstalledJobs as JSON. It fails where the job queue of `schema` has never been installed. */
export const installedJobs = (schema: string) => `
  select json_build_object('version', (select max(version) from ${jobsSchemaOf(schema)}.version),
    'queues', (select json_object_agg(name, json_build_object('retryLimit', retry_limit, 'retryDelay', retry_delay,
      'retryDelayMax', retry_delay_max, 'retryBackoff', retry_backoff, 'expireInSeconds', expire_seconds,
      'deleteAfterSeconds', deletion_seconds, 'deadLetter', dead_letter)) from ${jobsSchemaOf(schema)}.queue))`

/** Whether `installJobs` would change nothing. */
export function areJobsInstalled({ version, queues }: InstalledJobs): boolean {
  const wanted = Object.entries(QUEUES).map(([name, settings]) => [name, queueOptions(settings)] as const)
  return (
    version === JOBS_VERSION &&
    DEAD_LETTERS in queues &&
    wanted.every(([name, options]) =>
      Object.entries(options).every(([option, value]) => queues[name]?.[option] === value),
    )
  )
}
