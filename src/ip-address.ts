import {
  convertIPv4BinaryToString,
  convertIPv4MappedIPv6ToIPv4,
  convertIPv4ToBinary,
  convertIPv6BinaryToString,
  convertIPv6ToBinary,
  isIPv4MappedIPv6,
} from 'hono/utils/ipaddr'

/** 128 bits; an IPv4 address as its IPv6-mapped form, so that both forms of one address are equal. */
export type IpAddress = bigint
export type Network = { address: IpAddress; prefix: number }

const IPV4_MAPPED = 0xffffn << 32n
const IPV4_PREFIX = 96

/** Undefined for whatever is not a bare IPv4 or IPv6 address. */
export function parseAddress(text: string): IpAddress | undefined {
  try {
    return text.includes(':') ? convertIPv6ToBinary(text) : IPV4_MAPPED | convertIPv4ToBinary(text)
  } catch {
    return undefined
  }
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. */
export function parseNetwork(text: string): Network | undefined {
  const [base = '', length, ...rest] = text.split('/')
  const address = parseAddress(base)
  if (address === undefined || rest.length > 0) return undefined
  if (length === undefined) return { address, prefix: 128 }
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) + (base.includes(':') ? 0 : IPV4_PREFIX) : 129
  return prefix <= 128 ? { address, prefix } : undefined
}

/** IPv4 addresses in dotted form, whichever way they came. */
export const formatAddress = (address: IpAddress): string =>
  isIPv4MappedIPv6(address)
    ? convertIPv4BinaryToString(convertIPv4MappedIPv6ToIPv4(address))
    : convertIPv6BinaryToString(address)

/** The /64 of an IPv6 address, since one caller has all of it; an IPv4 address as it is. */
export const callerNetwork = (address: IpAddress): IpAddress =>
  isIPv4MappedIPv6(address) ? address : (address >> 64n) << 64n

const contains = ({ address, prefix }: Network, candidate: IpAddress) =>
  address >> BigInt(128 - prefix) === candidate >> BigInt(128 - prefix)

/**
 * Who really calls: the peer, unless it is a trusted proxy; then the right-most hop of X-Forwarded-For that is not one.
 * What stands further left was written by the caller. A hop that cannot be read ends the search at the proxy that sent it.
 */
export function callerAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusted: Network[],
): IpAddress | undefined {
  let caller = parseAddress(peer)
  for (const hop of forwardedFor?.split(',').reverse() ?? []) {
    if (caller === undefined || !trusted.some((network) => contains(network, caller!))) break
    const next = parseAddress(withoutPort(hop.trim()))
    if (next === undefined) break
    caller = next
  }
  return caller
}

/** Some proxies write `192.0.2.1:4711` or `[2001:db8::1]:4711`. */
const withoutPort = (hop: string) =>
  hop.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1').replace(/^\[(.+)\](?::\d+)?$/, '$1')
