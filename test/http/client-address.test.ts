import { describe, expect, test } from 'bun:test'
import { callerAddress, callerNetwork, formatAddress, parseAddress, parseNetwork } from '../../src/ip-address'

const PROXIES = ['10.0.0.0/8', '192.0.2.7', 'fd00::/8'].map((text) => parseNetwork(text)!)

function caller(peer: string, forwardedFor?: string): string | undefined {
  const address = callerAddress(peer, forwardedFor, PROXIES)
  return address === undefined ? undefined : formatAddress(address)
}

describe('the address of a caller', () => {
  test.each([
    ['is the peer when the peer is not a trusted proxy', '203.0.113.5', '198.51.100.1', '203.0.113.5'],
    ['is the forwarded address when the peer is a trusted proxy', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    [
      'is the right-most hop that is not a proxy, since earlier hops may be forged',
      '10.1.2.3',
      '1.1.1.1, 198.51.100.1',
      '198.51.100.1',
    ],
    ['is found behind a chain of trusted proxies', '10.1.2.3', '198.51.100.1, 192.0.2.7,10.9.9.9', '198.51.100.1'],
    ['is the left-most hop when all hops are proxies', '10.1.2.3', '10.0.0.9, 10.0.0.8', '10.0.0.9'],
    ['is the proxy when it forwards no address', '10.1.2.3', undefined, '10.1.2.3'],
    ['is the proxy when the hop before it cannot be parsed', '10.1.2.3', '198.51.100.1, unknown', '10.1.2.3'],
    ['may have a port', '10.1.2.3', '198.51.100.1:4711', '198.51.100.1'],
    ['may be IPv6 in brackets', 'fd12::1', '[2001:db8::5]:4711', '2001:db8::5'],
    ['may be IPv6 without brackets', 'fd12::1', '2001:DB8:0::5', '2001:db8::5'],
    ['is also found when the proxy has an IPv4-mapped IPv6 address', '::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['of an IPv4-mapped peer is written as IPv4', '::ffff:203.0.113.5', undefined, '203.0.113.5'],
  ])('the caller address %s', (_rule, peer, forwardedFor, expected) => {
    expect(caller(peer, forwardedFor)).toBe(expected)
  })

  test('the caller address is unknown when the peer is not an IP address', () => {
    expect(caller('somewhere', '198.51.100.1')).toBeUndefined()
  })

  test('the forwarded address is ignored when no proxy is trusted', () => {
    expect(formatAddress(callerAddress('10.1.2.3', '198.51.100.1', [])!)).toBe('10.1.2.3')
  })

  test.each(['10.0.0.0/8', '0.0.0.0/0', '192.0.2.7/32', '::/0', 'fd00::/8', '::1'])('parses the network %s', (text) => {
    expect(parseNetwork(text)).toBeDefined()
  })

  test.each([
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '::/129',
    '10.0.0',
    '10.0.0.256',
    'a/8',
    '10.0.0.0/8/8',
  ])('refuses the network %p', (text) => {
    expect(parseNetwork(text)).toBeUndefined()
  })

  test('a caller is a whole /64 network in IPv6, but a single address in IPv4', () => {
    const network = (text: string) => formatAddress(callerNetwork(parseAddress(text)!))
    expect(network('2001:db8:1:2:3:4:5:6')).toBe(network('2001:db8:1:2::9'))
    expect(network('2001:db8:1:2::9')).not.toBe(network('2001:db8:1:3::9'))
    expect(network('198.51.100.1')).toBe('198.51.100.1')
  })
})
