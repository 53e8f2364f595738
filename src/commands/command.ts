import { type Config, ConfigError, readConfig } from '../config'
import { explainMongo, isMongoFailure } from '../database/explain-mongo'
import { explainPostgres, isPostgresFailure } from '../database/explain-postgres'
import type { Deps } from '../deps'
import { AppError } from '../errors'
import { ProviderError } from '../ledger/provider'
import { closeDeps, openDeps } from '../open-deps'

/** Wrong arguments or input. Its message is printed without a stack. */
export class UsageError extends Error {}

type Environment = Record<string, string | undefined>

/** `print` is for results, `warn` for everything else. */
export type Output = { print: (line: string) => void; warn: (line: string) => void }

/** Required settings that a command may leave unused; nothing is signed or encrypted with these values. */
const UNUSED = {
  MONGODB_URI: () => 'mongodb://unused',
  JWT_ACCESS_SECRET: randomSecret,
  JWT_REFRESH_SECRET: randomSecret,
  PASSWORD_PEPPER: randomSecret,
  AUDIT_SIGNING_KEY: randomSecret,
}

export type Command<A> = {
  /** Required settings that the command does not use; they need not be set. */
  unusedSettings: readonly (keyof typeof UNUSED)[]
  /** The exit code after an error. */
  errorCode: number
  /** Reads the words after the command's name. Throws UsageError. */
  readArguments(words: string[]): A
  /** Returns the exit code. Throws UsageError for wrong input. */
  run(deps: Deps, args: A, output: Output): Promise<number>
  /** Begins the sentence about an error that is neither a UsageError nor a ConfigError, like `Could not be checked`. */
  failure: string
}

/** Runs a command with pools that are closed afterwards. Returns the exit code; an error is printed as a sentence. */
export async function runCommand<A>(
  command: Command<A>,
  words: readonly string[],
  env: Environment,
  output: Output,
): Promise<number> {
  let deps: Deps | undefined
  try {
    const args = command.readArguments([...words])
    deps = openDeps(readCommandConfig(command, env))
    return await command.run(deps, args, output)
  } catch (error) {
    const isPlain = error instanceof UsageError || error instanceof ConfigError
    output.warn(isPlain ? error.message : `${command.failure}: ${explainFailure(error, deps)}`)
    return command.errorCode
  } finally {
    if (deps) await closeDeps(deps)
  }
}

function explainFailure(error: unknown, deps: Deps | undefined): string {
  if (error instanceof AppError) return error.code === 'unavailable' ? explainFailure(error.cause, deps) : error.detail
  if (deps && !(error instanceof ProviderError)) {
    if (isMongoFailure(error)) return explainMongo(error, deps.mongo.address)
    if (isPostgresFailure(error)) return explainPostgres(error, deps.config.postgres)
  }
  return error instanceof Error ? error.message : String(error)
}

/** Settings of the environment win over the filled ones. */
function readCommandConfig({ unusedSettings }: Pick<Command<never>, 'unusedSettings'>, env: Environment): Config {
  const filled = Object.fromEntries(unusedSettings.map((name) => [name, UNUSED[name]()]))
  return readConfig({ LOG_LEVEL: 'error', ...filled, ...env })
}

function randomSecret(): string {
  return crypto.randomUUID() + crypto.randomUUID()
}
