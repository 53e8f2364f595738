import pg from 'pg'
import type { Connection } from './connection'
import {
  either,
  type Failure,
  type FailureClass,
  hasCode,
  isExpired,
  isForOtherHost,
  isUnknownHost,
  isUnreachable,
  isUntrusted,
  ownMessage,
  says,
} from './failure-classes'
import { UnusableDatabaseError } from './requirements'

/** The first that fits explains the failure. */
const CLASSES: FailureClass<Connection>[] = [
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
    is: either(hasCode('28P01'), says(/password authentication failed/)),
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
    is: hasCode('28000'),
    text: ({ user }) => `refuses user "${user}" from this host: allow it in pg_hba.conf, or set POSTGRESQL_USER`,
  },
  {
    title: 'unknown database',
    is: either(hasCode('3D000'), says(/no such database/)),
    text: ({ database }) => `has no database "${database}": create it, or set POSTGRESQL_DATABASE`,
  },
  {
    title: 'missing right',
    is: hasCode('42501'),
    text: ({ user }) =>
      `refuses a right that user "${user}" needs: make it the owner of its schema, or set POSTGRESQL_USER`,
  },
  {
    title: 'too many connections',
    is: either(hasCode('53300'), says(/no more connections allowed/)),
    text: () => 'has no connection left: lower POSTGRESQL_POOL_SIZE, or raise max_connections of the server',
  },
  {
    title: 'read-only',
    is: hasCode('25006'),
    text: () => 'is read-only: set POSTGRESQL_HOST to the primary',
  },
  {
    title: 'starting or stopping',
    is: hasCode('57P01', '57P02', '57P03'),
    text: () => 'is starting or stopping: wait until it is up',
  },
  {
    title: 'no TLS',
    is: says(/does not support SSL/),
    text: () => 'does not offer TLS: unset PGSSLMODE, or turn on TLS in the server',
  },
  {
    title: 'unknown certificate',
    is: isUntrusted,
    text: () => 'has a certificate that is not trusted: set NODE_EXTRA_CA_CERTS to the file of its CA',
  },
  {
    title: 'certificate of another host',
    is: isForOtherHost,
    text: () => 'has a certificate for another host: set POSTGRESQL_HOST to the name in the certificate',
  },
  {
    title: 'expired certificate',
    is: isExpired,
    text: () => 'has a certificate that is not valid today: renew it, or set the clock of this machine',
  },
  {
    title: 'unknown host',
    is: isUnknownHost,
    text: ({ host }) => `cannot be found, since no host is called "${host}": set POSTGRESQL_HOST`,
  },
  {
    title: 'refused',
    is: hasCode('ECONNREFUSED', 'ENOENT'),
    text: () => 'is not running, or elsewhere: start it, or set POSTGRESQL_HOST and POSTGRESQL_PORT',
  },
  {
    title: 'no answer',
    is: either(isUnreachable, says(/timeout|Connection terminated|ECONNRESET/)),
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

/** Whether an error that is not MongoDB's comes from PostgreSQL or from the way to it. */
export function isPostgresFailure(error: unknown): boolean {
  if (error instanceof pg.DatabaseError || error instanceof UnusableDatabaseError) return true
  const failure = firstFailure(error)
  // A file that cannot be read is no socket that is missing.
  return (failure as { syscall?: unknown }).syscall !== 'open' && CLASSES.some(({ is }) => is(failure))
}
