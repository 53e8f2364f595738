import { describe, expect, test } from 'bun:test'
import { callerAddress, callerNetwork, formatAddress, parseAddress, parseNetwork } from '../../src/ip-address'

const PROXIES = ['10.0.0.0/8', '192.0.2.7', 'fd00::/8'].map((text) => parseNetwork(text)!)

function caller(peer: string, forwardedFor?: string): string | undefined {
  const address = callerAddress(peer, forwardedFor, PROXIES)
  return address === undefined ? undefined : formatAddress(address)
}

describe('the address of a caller', () => {
  test.each([
    ['is the peer, whatever it says, unless the peer is a trusted proxy', '203.0.113.5', '198.51.100.1', '203.0.113.5'],
    ['is what a trusted proxy heard from', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    [
      'is the right-most hop that is no proxy: the rest is hearsay',
      '10.1.2.3',
      '1.1.1.1, 198.51.100.1',
      '198.51.100.1',
    ],
    ['skips a chain of trusted proxies', '10.1.2.3', '198.51.100.1, 192.0.2.7,10.9.9.9', '198.51.100.1'],
    ['is the left-most hop where all are proxies', '10.1.2.3', '10.0.0.9, 10.0.0.8', '10.0.0.9'],
    ['is the proxy where it passes nothing on', '10.1.2.3', undefined, '10.1.2.3'],
    ['ends at a hop that cannot be read', '10.1.2.3', '198.51.100.1, unknown', '10.1.2.3'],
    ['may come with a port', '10.1.2.3', '198.51.100.1:4711', '198.51.100.1'],
    ['may be IPv6 in brackets', 'fd12::1', '[2001:db8::5]:4711', '2001:db8::5'],
    ['may be IPv6 without', 'fd12::1', '2001:DB8:0::5', '2001:db8::5'],
    ['is one whether the peer is seen as IPv4 or as IPv6', '::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['of an IPv4 peer is written as such', '::ffff:203.0.113.5', undefined, '203.0.113.5'],
  ])('%s', (_rule, peer, forwardedFor, expected) => {
    expect(caller(peer, forwardedFor)).toBe(expected)
  })

  test('is not known where the peer is none', () => {
    expect(caller('somewhere', '198.51.100.1')).toBeUndefined()
  })

  test('without trusted proxies nothing a request says counts', () => {
    expect(formatAddress(callerAddress('10.1.2.3', '198.51.100.1', [])!)).toBe('10.1.2.3')
  })

  test.each(['10.0.0.0/8', '0.0.0.0/0', '192.0.2.7/32', '::/0', 'fd00::/8', '::1'])('%s is a network', (text) => {
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
  ])('%p is none', (text) => {
    expect(parseNetwork(text)).toBeUndefined()
  })

  test('one caller has a whole /64 of IPv6, but a single IPv4 address', () => {
    const network = (text: string) => formatAddress(callerNetwork(parseAddress(text)!))
    expect(network('2001:db8:1:2:3:4:5:6')).toBe(network('2001:db8:1:2::9'))
    expect(network('2001:db8:1:2::9')).not.toBe(network('2001:db8:1:3::9'))
    expect(network('198.51.100.1')).toBe('198.51.100.1')
  })
})
