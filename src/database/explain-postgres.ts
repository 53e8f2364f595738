import type { Connection } from './connection'
import { UnusableDatabaseError } from './requirements'

type Failure = { code?: unknown; message: string }
type Class = { title: string; is: (failure: Failure) => boolean; text: (connection: Connection) => string }

const sqlState =
  (...codes: string[]) =>
  ({ code }: Failure) =>
    codes.includes(String(code))
const says =
  (pattern: RegExp) =>
  ({ message }: Failure) =>
    pattern.test(message)
const either =
  (...tests: Class['is'][]): Class['is'] =>
  (failure) =>
    tests.some((test) => test(failure))

const CERTIFICATE =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?)|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID)$/

export const isCertificateError = ({ code }: { code?: unknown }) => CERTIFICATE.test(String(code))

/** The first that fits explains the failure. */
const CLASSES: Class[] = [
  {
    title: 'a pooler that refuses',
    is: says(/unsupported startup parameter/),
    text: () => 'is behind a pooler that refuses a startup parameter: unset PGOPTIONS',
  },
  {
    title: 'no password',
    is: says(/client password must be/),
    text: ({ user }) => `demands a password of user "${user}": set POSTGRESQL_PASSWORD`,
  },
  {
    title: 'unknown user',
    is: says(/role ".*" does not exist|no such user/),
    text: ({ user }) => `has no user "${user}": create it, or set POSTGRESQL_USER`,
  },
  {
    title: 'wrong password',
    is: either(sqlState('28P01'), says(/password authentication failed/)),
    text: ({ user }) => `refuses the password of user "${user}": set POSTGRESQL_PASSWORD`,
  },
  {
    title: 'TLS demanded',
    is: says(/no pg_hba\.conf entry.*(no encryption|SSL off)|SSL required/),
    text: () =>
      'refuses a connection without TLS, or from this host: set PGSSLMODE=verify-full, or allow it in pg_hba.conf',
  },
  {
    title: 'not allowed to sign in',
    is: sqlState('28000'),
    text: ({ user }) => `refuses user "${user}" from this host: allow it in pg_hba.conf, or set POSTGRESQL_USER`,
  },
  {
    title: 'unknown database',
    is: either(sqlState('3D000'), says(/no such database/)),
    text: ({ database }) => `has no database "${database}": create it, or set POSTGRESQL_DATABASE`,
  },
  {
    title: 'missing right',
    is: sqlState('42501'),
    text: ({ user }) =>
      `refuses a right that user "${user}" needs: make it the owner of its schema, or set POSTGRESQL_USER`,
  },
  {
    title: 'too many connections',
    is: either(sqlState('53300'), says(/no more connections allowed/)),
    text: () => 'has no connection left: lower POSTGRESQL_POOL_SIZE, or raise max_connections of the server',
  },
  {
    title: 'read-only',
    is: sqlState('25006'),
    text: () => 'is read-only: set POSTGRESQL_HOST to the primary',
  },
  {
    title: 'starting or stopping',
    is: sqlState('57P01', '57P02', '57P03'),
    text: () => 'is starting or stopping: wait until it is up',
  },
  {
    title: 'no TLS',
    is: says(/does not support SSL/),
    text: () => 'does not offer TLS: unset PGSSLMODE, or turn on TLS in the server',
  },
  {
    title: 'unknown certificate',
    is: isCertificateError,
    text: () => 'has a certificate that is not trusted: set NODE_EXTRA_CA_CERTS to the file of its CA',
  },
  {
    title: 'unknown host',
    is: sqlState('ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NONAME'),
    text: ({ host }) => `cannot be found, since no host is called "${host}": set POSTGRESQL_HOST`,
  },
  {
    title: 'refused',
    is: sqlState('ECONNREFUSED', 'ENOENT'),
    text: () => 'is not running, or elsewhere: start it, or set POSTGRESQL_HOST and POSTGRESQL_PORT',
  },
  {
    title: 'no answer',
    is: either(sqlState('ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'), says(/timeout|Connection terminated|ECONNRESET/)),
    text: () => 'does not answer: start it, check firewalls, or set POSTGRESQL_HOST and POSTGRESQL_PORT',
  },
]

/** One sentence for the operator: the cause, the setting to change and, in brackets, the server's own message. */
export function explainPostgres(error: unknown, connection: Connection): string {
  if (error instanceof UnusableDatabaseError) return error.message
  const failure = firstFailure(error)
  const found = CLASSES.find(({ is }) => is(failure))
  const text = found ? found.text(connection) : 'answers, but cannot be used'
  return `PostgreSQL at ${connection.host}:${connection.port} ${text} (${ownMessage(failure)}).`
}

/** An address with several IP addresses fails with one error for each; pg-pool wraps the error of a timeout. */
function firstFailure(error: unknown): Failure {
  if (error instanceof AggregateError && error.errors.length > 0) return firstFailure(error.errors[0])
  return error instanceof Error ? error : { message: String(error) }
}

const ownMessage = ({ message, code }: Failure) => (message || String(code)).replace(/\s+/g, ' ').replace(/\.$/, '')
