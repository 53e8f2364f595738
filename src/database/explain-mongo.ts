import { MongoServerSelectionError } from 'mongodb'
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

/** `setting` is the name of the setting that holds the address. */
export type MongoAddress = { hosts: string; setting: string }

const NO_PRIMARY = 'ReplicaSetNoPrimary'

/** The first that fits explains the failure. */
const CLASSES: FailureClass<MongoAddress>[] = [
  {
    title: 'no password',
    is: either(({ name }) => name === 'MongoMissingCredentialsError', says(/requires authentication/)),
    text: ({ setting }) => `demands a user and a password: put both into ${setting}`,
  },
  {
    title: 'wrong password',
    is: either(hasCode(18, 8000), says(/authentication failed|bad auth/i)),
    text: ({ setting }) => `refuses the user or its password: set both, and authSource, in ${setting}`,
  },
  {
    title: 'missing right',
    is: hasCode(13),
    text: ({ setting }) =>
      `refuses a right that its user needs: give it the rights in deploy/compose, or set another user in ${setting}`,
  },
  {
    title: 'not primary',
    is: hasCode(10107, 13435, 10058),
    text: ({ setting }) =>
      `is not the primary: name all members and replicaSet in ${setting}, without directConnection`,
  },
  {
    title: 'no primary',
    is: hasCode(NO_PRIMARY),
    text: ({ setting }) =>
      `has no primary: start a majority of its members, or set replicaSet in ${setting} to its name`,
  },
  {
    title: 'too old',
    is: ({ name }) => name === 'MongoCompatibilityError',
    text: ({ setting }) => `is too old for this release: upgrade it, or set another server in ${setting}`,
  },
  {
    title: 'unknown certificate',
    is: isUntrusted,
    text: ({ setting }) =>
      `has a certificate that is not trusted: set NODE_EXTRA_CA_CERTS, or tlsCAFile in ${setting}, to the file of its CA`,
  },
  {
    title: 'certificate of another host',
    is: isForOtherHost,
    text: ({ setting }) => `has a certificate for another host: use the name in the certificate in ${setting}`,
  },
  {
    title: 'expired certificate',
    is: isExpired,
    text: () => 'has a certificate that is not valid today: renew it, or set the clock of this machine',
  },
  {
    title: 'no TLS',
    is: either(
      says(/before secure TLS connection was established|wrong version number|packet length too long/),
      hasCode('EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER'),
    ),
    text: ({ setting }) => `does not offer TLS: remove tls=true from ${setting}, or turn on TLS in the server`,
  },
  {
    title: 'TLS demanded',
    is: says(/^connection \S+ to .* closed$/),
    text: ({ setting }) => `closes connections without TLS, or from this host: set tls=true in ${setting}, or allow it`,
  },
  {
    title: 'unknown host',
    is: isUnknownHost,
    text: ({ setting }) => `cannot be found, since no host has this name: set the host in ${setting}`,
  },
  {
    title: 'refused',
    is: hasCode('ECONNREFUSED', 'ENOENT'),
    text: ({ setting }) => `is not running, or elsewhere: start it, or set host and port in ${setting}`,
  },
  {
    title: 'no answer',
    is: either(isUnreachable, hasCode('ECONNRESET'), says(/timed out|ECONNRESET/)),
    text: ({ setting }) => `does not answer: start it, check firewalls, or set host and port in ${setting}`,
  },
]

/** One sentence for the operator: the cause, the setting to change and, in brackets, what server or driver say. */
export function explainMongo(error: unknown, address: MongoAddress): string {
  const failures = causesOf(error)
  const found = CLASSES.find(({ is }) => failures.some(is))
  const text = found ? found.text(address) : 'answers, but cannot be used'
  return `MongoDB at ${address.hosts} ${text} (${withoutValues(ownMessage(failures[0]!))}).`
}

export const isMongoFailure = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name.startsWith('Mongo') || /^query(Srv|Txt)$/.test(String((error as { syscall?: unknown }).syscall)))

/** The driver wraps the error of a socket twice; a replica set without a primary has no error, only a description. */
function causesOf(error: unknown): [Failure, ...Failure[]] {
  if (!(error instanceof Error)) return [{ message: String(error) }]
  const own: Failure[] =
    error instanceof MongoServerSelectionError && error.reason?.type === NO_PRIMARY
      ? [{ code: NO_PRIMARY, message: error.message }]
      : []
  return [error, ...(error.cause instanceof Error ? causesOf(error.cause) : own)]
}

/** A unique index that cannot be built would quote two documents. */
const withoutValues = (message: string) => message.replace(/ dup key: .*/, '')
