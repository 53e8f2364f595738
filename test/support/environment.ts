import { type Config, readConfig } from '../../src/config'

export const TEST_ENVIRONMENT = {
  NODE_ENV: 'test',
  LOG_LEVEL: 'silent',
  JWT_ACCESS_SECRET: 'test-access-0123456789abcdef0123456789',
  JWT_REFRESH_SECRET: 'test-refresh-0123456789abcdef0123456789',
  PASSWORD_PEPPER: 'test-pepper-0123456789abcdef0123456789',
  AUDIT_SIGNING_KEY: 'test-audit-0123456789abcdef0123456789',
  BCRYPT_COST: '4',
  SANDBOX_WEBHOOK_SECRET: 'test-sandbox-secret',
  RATE_LIMIT: 'off',
  MAX_UPCOMING_PER_PATIENT: '0',
  MAX_UPCOMING_PER_DOCTOR: '0',
}

const PATIENCE = { connectTimeoutMs: 30_000, lockTimeoutMs: 30_000, statementTimeoutMs: 40_000 }

/** Timeouts of PostgreSQL are longer in tests than in production, so that a busy machine fails no test. */
export function readPatientConfig(env: Record<string, string | undefined>): Config {
  const config = readConfig(env)
  return { ...config, postgres: { ...config.postgres, ...PATIENCE } }
}
