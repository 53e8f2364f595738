/** What makes a test app one that believes itself in production. */
export const PRODUCTION = {
  NODE_ENV: 'production',
  BCRYPT_COST: '10',
  JWT_ACCESS_SECRET: 'a1-4kQ9vX2mB7nR5tY8wZ3cF6hJ1pL0sD',
  JWT_REFRESH_SECRET: 'b2-4kQ9vX2mB7nR5tY8wZ3cF6hJ1pL0sD',
  PASSWORD_PEPPER: 'c3-4kQ9vX2mB7nR5tY8wZ3cF6hJ1pL0sD',
  AUDIT_SIGNING_KEY: 'd4-4kQ9vX2mB7nR5tY8wZ3cF6hJ1pL0sD',
}
