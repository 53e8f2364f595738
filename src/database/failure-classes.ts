/** An error with what tells its class: the code of the server, of the network or of TLS. */
export type Failure = { name?: string; code?: unknown; message: string }

/** `text` continues a sentence that begins with the address of the server: the cause, then the setting to change. */
export type FailureClass<A> = { title: string; is: (failure: Failure) => boolean; text: (address: A) => string }

type Test = FailureClass<never>['is']

export const hasCode =
  (...codes: (string | number)[]): Test =>
  ({ code }) =>
    codes.map(String).includes(String(code))

export const says =
  (pattern: RegExp): Test =>
  ({ message }) =>
    pattern.test(message)

export const either =
  (...tests: Test[]): Test =>
  (failure) =>
    tests.some((test) => test(failure))

const UNTRUSTED =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?)|CERT_(UNTRUSTED|REJECTED|SIGNATURE_FAILURE))$/

export const isUntrusted: Test = ({ code }) => UNTRUSTED.test(String(code))
export const isExpired: Test = hasCode('CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID')
export const isForOtherHost: Test = hasCode('ERR_TLS_CERT_ALTNAME_INVALID')
export const isUnknownHost: Test = hasCode('ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NONAME')
export const isUnreachable: Test = hasCode('ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH')

/** What the server or the driver says, in one line without a full stop. */
export const ownMessage = ({ message, code }: Failure) =>
  (message || String(code)).replace(/\s+/g, ' ').replace(/\.$/, '')
