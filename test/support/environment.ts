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
}
