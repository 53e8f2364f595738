import { afterEach, describe, expect, test } from 'bun:test'
import { type Mongo, openMongo } from '../../src/database/mongo'

let opened: Mongo | undefined
afterEach(() => opened?.close())
const open = (uri: string) => {
  opened = openMongo({ uri, database: 'clinic', poolSize: 1 }, [])
  return opened
}

describe('the address of MongoDB', () => {
  test.each([
    ['mongodb://127.0.0.1:27017', ['127.0.0.1:27017']],
    ['mongodb://db/clinic?replicaSet=rs0&authSource=admin', ['db']],
    [
      'mongodb://clinic:s%40cret@a.example:27017,b.example/?replicaSet=rs-0&retryWrites=true',
      ['a.example:27017', 'b.example'],
    ],
    ['mongodb://%2Ftmp%2Fmongo.sock/?directConnection=true&journal=true', ['/tmp/mongo.sock']],
  ])('the driver accepts %s, which is not checked at the start, and the log names the hosts only', (uri, hosts) => {
    const mongo = open(uri)
    expect(mongo.hosts).toEqual(hosts)
    expect(mongo.client.options.hosts).toHaveLength(hosts.length)
  })

  test.each([
    'mongodb://u:hun@ter2@x',
    'mongodb://u:100%@x',
    'mongodb://x:70000',
    'mongodb://x/?unheardOf=1',
    'mongodb://a,b/?directConnection=true',
    'mysql://x',
  ])('%s is refused at once', (uri) => {
    expect(() => open(uri)).toThrow()
  })
})
