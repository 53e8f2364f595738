import { isTooWide, parseNetwork } from '../ip-address'
import { DAY_SECONDS, hasDuration } from './duration'
import { type Given, weakSecrets } from './secret-rules'

const items = (text: string | undefined) => (text ?? '').split(',').map((item) => item.trim())
const isShort = (secret: string) => secret !== '' && secret.length < 16

/** Each rule for production, with the settings that break it. */
const RULES: [breaks: (given: Given) => boolean, problem: string][] = [
  [({ BCRYPT_COST }) => Number(BCRYPT_COST) < 10, 'BCRYPT_COST must be at least 10 in production'],
  [
    ({ AUDIT_RETENTION }) => hasDuration(AUDIT_RETENTION, (seconds) => seconds < 365 * DAY_SECONDS),
    'AUDIT_RETENTION must be at least 365d in production',
  ],
  [
    ({ JWT_ACCESS_EXPIRATION }) => hasDuration(JWT_ACCESS_EXPIRATION, (seconds) => seconds > 3600),
    'JWT_ACCESS_EXPIRATION must be at most 1h in production',
  ],
  [
    ({ JWT_REFRESH_EXPIRATION }) => hasDuration(JWT_REFRESH_EXPIRATION, (seconds) => seconds > 90 * DAY_SECONDS),
    'JWT_REFRESH_EXPIRATION must be at most 90d in production',
  ],
  [
    ({ STRIPE_WEBHOOK_SECRETS }) => items(STRIPE_WEBHOOK_SECRETS).some(isShort),
    'STRIPE_WEBHOOK_SECRETS must have at least 16 characters each in production',
  ],
  [
    ({ SANDBOX_WEBHOOK_SECRET }) => isShort(SANDBOX_WEBHOOK_SECRET ?? ''),
    'SANDBOX_WEBHOOK_SECRET must have at least 16 characters in production',
  ],
  [
    ({ STRIPE_BASE_URL }) => /^http:/.test(STRIPE_BASE_URL ?? ''),
    'STRIPE_BASE_URL must start with https:// in production',
  ],
  [
    ({ TRUSTED_PROXIES }) => items(TRUSTED_PROXIES).some(isTooWideNetwork),
    'TRUSTED_PROXIES must name the proxies, not (nearly) all addresses, in production',
  ],
  [({ DOCTOR_VERIFICATION }) => DOCTOR_VERIFICATION === 'off', 'DOCTOR_VERIFICATION cannot be off in production'],
  [({ CARD_PROVIDER }) => CARD_PROVIDER === 'sandbox', 'CARD_PROVIDER cannot be sandbox in production'],
  [({ DEMO_DATA }) => DEMO_DATA === 'on', 'DEMO_DATA cannot be on in production'],
]

function isTooWideNetwork(text: string): boolean {
  const network = parseNetwork(text)
  return network !== undefined && isTooWide(network)
}

/** Checks the raw values, so that all problems are reported at once. */
export const productionProblems = (given: Given): string[] => [
  ...weakSecrets(given),
  ...RULES.filter(([breaks]) => breaks(given)).map(([, problem]) => problem),
]

/**
 * What makes a start outside production unsafe for real data, one sentence each. Empty in production, where the start is
 * refused instead, in tests, and for `bun dev` on its own databases (NODE_ENV=development with DEMO_DATA=on).
 */
export function weaknessesOf(given: Given): string[] {
  const { NODE_ENV, CARD_PROVIDER, METRICS_TOKEN, RATE_LIMIT, DEMO_DATA } = given
  if (NODE_ENV === 'production' || NODE_ENV === 'test' || (NODE_ENV === 'development' && DEMO_DATA === 'on')) return []
  return [
    'NODE_ENV is not production: weak settings are accepted and web pages of localhost may call the API',
    ...productionProblems(given).map((problem) => problem.replace(/,? in production$/, '')),
    ...(CARD_PROVIDER === undefined
      ? ['CARD_PROVIDER is not set: card payments go to the sandbox, without money']
      : []),
    ...(METRICS_TOKEN === undefined ? ['METRICS_TOKEN is not set: GET /metrics is open to all'] : []),
    ...(RATE_LIMIT === 'off' ? ['RATE_LIMIT is off: nothing slows down password guessing'] : []),
  ]
}
