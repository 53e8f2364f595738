import { ConfigError, readConfig } from '../../src/config'

/** Long and random enough for production; different for each seed. */
export const strongSecret = (seed: string) => `${seed}4kQ9vX2mB7nR5tY8wZ3cF6hJ1pL0sD`

const SECRETS = {
  JWT_ACCESS_SECRET: strongSecret('a1'),
  JWT_REFRESH_SECRET: strongSecret('b2'),
  PASSWORD_PEPPER: strongSecret('c3'),
  AUDIT_SIGNING_KEY: strongSecret('d4'),
}

/** The settings without a default, which an operator has to give. */
export const USABLE = {
  POSTGRESQL_HOST: 'db.internal',
  POSTGRESQL_USER: 'clinic',
  POSTGRESQL_DATABASE: 'clinic',
  MONGODB_URI: 'mongodb://mongo.internal/clinic',
  ...SECRETS,
}

/** Settings that run a test app in production mode. */
export const PRODUCTION = { NODE_ENV: 'production', BCRYPT_COST: '10', ...SECRETS }

/** The error message of the configuration for these settings; `none` when they are usable. */
export function complaint(env: Record<string, string | undefined>): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'none'
}
