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

/** Returns undefined unless the text is a bare IPv4 or IPv6 address. */
export function parseAddress(text: string): IpAddress | undefined {
  try {
    return text.includes(':') ? convertIPv6ToBinary(text) : IPV4_MAPPED | convertIPv4ToBinary(text)
  } catch {
    return undefined
  }
}

/** Reads `10.0.0.0/8`, `fd00::/8` or a single address; returns undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const [base = '', length, ...rest] = text.split('/')
  const address = parseAddress(base)
  if (address === undefined || rest.length > 0) return undefined
  if (length === undefined) return { address, prefix: 128 }
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) + (base.includes(':') ? 0 : IPV4_PREFIX) : 129
  return prefix <= 128 ? { address, prefix } : undefined
}

/** IPv4 addresses in dotted form, IPv6-mapped ones too. */
export const formatAddress = (address: IpAddress): string =>
  isIPv4MappedIPv6(address)
    ? convertIPv4BinaryToString(convertIPv4MappedIPv6ToIPv4(address))
    : convertIPv6BinaryToString(address)

/** The /64 network of an IPv6 address, since one caller usually has all of it; an IPv4 address unchanged. */
export const callerNetwork = (address: IpAddress): IpAddress =>
  isIPv4MappedIPv6(address) ? address : (address >> 64n) << 64n

/** The network of a caller as text, to count by. Callers without a known address count together. */
export function networkKey(ip: string | null | undefined): string {
  const address = parseAddress(ip ?? '')
  return address === undefined ? 'unknown' : formatAddress(callerNetwork(address))
}

const contains = ({ address, prefix }: Network, candidate: IpAddress) =>
  address >> BigInt(128 - prefix) === candidate >> BigInt(128 - prefix)

/** True if it has (nearly) all IPv4 or IPv6 addresses: wider than 10.0.0.0/8 or fc00::/7. */
export const isTooWide = (network: Network): boolean =>
  network.prefix >= IPV4_PREFIX && isIPv4MappedIPv6(network.address)
    ? network.prefix < IPV4_PREFIX + 8
    : network.prefix < 7 || (network.prefix < IPV4_PREFIX && contains(network, IPV4_MAPPED))

/**
 * The caller's address: the peer's or, behind trusted proxies, the right-most hop of X-Forwarded-For that is no trusted
 * proxy. Hops further left may be forged by the caller. An unreadable hop ends the search at the proxy that sent it.
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
