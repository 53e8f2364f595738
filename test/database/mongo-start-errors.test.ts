import { afterAll, describe, expect, test } from 'bun:test'
import { createServer, type Server, type Socket } from 'node:net'
import { MongoCompatibilityError, MongoMissingCredentialsError, MongoServerError } from 'mongodb'
import { ConfigError } from '../../src/config'
import { explainMongo } from '../../src/database/explain-mongo'
import { openMongo, prepareMongo } from '../../src/database/mongo'
import { freePort } from '../support/ports'
import { selfSigned } from '../support/self-signed'
import { greeting, scriptMongo } from './scripted-mongo'

const servers: Server[] = []
afterAll(() => {
  for (const server of servers) server.close()
})

/** A server that is no MongoDB; returns its port. */
async function listen(onData: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).on('data', () => onData(socket)))
  servers.push(server)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return (server.address() as { port: number }).port
}

const tls = selfSigned()
const secure = tls && Bun.listen({ hostname: '127.0.0.1', port: 0, tls, socket: { data() {} } })
afterAll(() => secure?.stop(true))

/** A member of a replica set that answers each command but the greeting with this error. */
const refuse = (code: number, errmsg: string) =>
  scriptMongo((command, port) => (command === 'hello' ? greeting(port, true) : { ok: 0, code, errmsg }))
const aSecondary = () => scriptMongo((_command, port) => greeting(port, false))

const open = (uri: string) => openMongo({ uri, database: 'clinic', poolSize: 1, setting: 'MONGODB_URI' }, [])
const address = { hosts: 'mongo.internal:27017', setting: 'MONGODB_URI' }
const answer = (code: number, errmsg: string) => new MongoServerError({ ok: 0, code, errmsg })

/** What the operator reads about the driver's own error. */
async function complaint(uri: string): Promise<string> {
  const mongo = open(`${uri}${uri.includes('?') ? '&' : '/?'}serverSelectionTimeoutMS=400&connectTimeoutMS=300`)
  const error = await mongo.db.command({ ping: 1 }).then(
    () => undefined,
    (reason) => reason,
  )
  await mongo.close()
  return explainMongo(error, mongo.address)
}

describe('a MongoDB that cannot be used', () => {
  test.each<[what: string, uri: () => string | Promise<string>, sentence: RegExp]>([
    [
      'an unknown host',
      () => 'mongodb://db.invalid:2',
      /^MongoDB at db\.invalid:2 cannot be found.*: set the host in MONGODB_URI \(.+\)\.$/,
    ],
    [
      'an unknown host of mongodb+srv',
      () => 'mongodb+srv://db.invalid',
      /^MongoDB at db\.invalid cannot be found.*: set the host in MONGODB_URI \(.+\)\.$/,
    ],
    [
      'a port without a server',
      () => `mongodb://127.0.0.1:${freePort()}`,
      /is not running.*port in MONGODB_URI \(.+\)\.$/,
    ],
    ['a missing socket', () => 'mongodb://%2Ftmp%2Fnowhere.sock', /is not running.*in MONGODB_URI \(.+\)\.$/],
    [
      'TLS that the server does not offer',
      async () => `mongodb://127.0.0.1:${await listen((socket) => socket.destroy())}/?tls=true`,
      /does not offer TLS: remove tls=true from MONGODB_URI.* \(.+\)\.$/,
    ],
    [
      'a server that stays silent',
      async () => `mongodb://127.0.0.1:${await listen(() => {})}`,
      /does not answer: start it, check firewalls.*MONGODB_URI \(.+\)\.$/,
    ],
    [
      'a wrong password',
      async () => `mongodb://u:wrong@127.0.0.1:${await refuse(18, 'Authentication failed.')}`,
      /refuses the user or its password: set both, and authSource, in MONGODB_URI \(Authentication failed\)\.$/,
    ],
    [
      'a missing right',
      async () => `mongodb://127.0.0.1:${await refuse(13, 'not authorized on clinic to execute command')}`,
      /refuses a right that its user needs: give it the rights in deploy\/compose.* \(not authorized .+\)\.$/,
    ],
    [
      'a server that is no longer the primary',
      async () => `mongodb://127.0.0.1:${await refuse(10107, 'not primary')}/?directConnection=true`,
      /is not the primary: name all members and replicaSet in MONGODB_URI, without directConnection \(not primary\)\.$/,
    ],
    [
      'a replica set without a primary',
      async () => `mongodb://127.0.0.1:${await aSecondary()}/?replicaSet=rs0`,
      /has no primary: start a majority of its members, or set replicaSet in MONGODB_URI to its name \(.+\)\.$/,
    ],
    [
      'a replica set of another name',
      async () => `mongodb://127.0.0.1:${await aSecondary()}/?replicaSet=rs1`,
      /has no primary: .*or set replicaSet in MONGODB_URI to its name \(.+\)\.$/,
    ],
  ])(
    "the driver's error about %s becomes a sentence with the cause and what to change",
    async (_what, uri, sentence) => {
      expect(await complaint(await uri())).toMatch(sentence)
    },
  )

  describe.skipIf(!secure)('with TLS', () => {
    const on = (host: string, query = '') => complaint(`mongodb://${host}:${secure?.port}${query}`)

    test('a certificate of an unknown CA, and one for another host, are told apart', async () => {
      expect(await on('localhost', '/?tls=true')).toMatch(
        /has a certificate that is not trusted: set NODE_EXTRA_CA_CERTS.*tlsCAFile in MONGODB_URI.* \(self.signed certificate\)\.$/,
      )
      expect(await on('127.0.0.1', `/?tls=true&tlsCAFile=${tls?.certFile}`)).toMatch(
        /has a certificate for another host: use the name in the certificate in MONGODB_URI \(.+\)\.$/,
      )
    })

    test('a server that demands TLS says to set tls=true', async () => {
      expect(await on('127.0.0.1')).toMatch(
        /closes connections without TLS.*: set tls=true in MONGODB_URI.* \(connection .+ closed\)\.$/,
      )
    })
  })

  test.each<[what: string, error: Error, sentence: RegExp]>([
    [
      'a wrong password',
      answer(18, 'Authentication failed.'),
      /refuses the user or its password: set both, and authSource, in/,
    ],
    ['a wrong password in Atlas', answer(8000, 'bad auth : authentication failed'), /refuses the user or its password/],
    [
      'no password',
      answer(13, 'command find requires authentication'),
      /demands a user and a password: put both into MONGODB_URI/,
    ],
    ['no user', new MongoMissingCredentialsError('Username required'), /demands a user and a password/],
    [
      'a missing right',
      answer(13, 'not authorized on clinic to execute command'),
      /refuses a right that its user needs: give it the rights in deploy\/compose/,
    ],
    ['a secondary', answer(10107, 'not primary'), /is not the primary: name all members and replicaSet in MONGODB_URI/],
    ['a secondary that reads', answer(13435, 'not primary and secondaryOk=false'), /is not the primary/],
    ['an old server', new MongoCompatibilityError('maximum wire version 5'), /is too old for this release: upgrade it/],
    ['an unknown error', answer(4242, 'something new'), /answers, but cannot be used/],
  ])('the sentence about %s names the cause and keeps the own message of the server', (_what, error, sentence) => {
    const text = explainMongo(error, address)
    expect(text).toStartWith('MongoDB at mongo.internal:27017 ')
    expect(text).toMatch(sentence)
    expect(text).toEndWith(`(${error.message.replace(/\.$/, '')}).`)
  })

  test('the sentence quotes no document of an index that cannot be built', () => {
    const error = answer(
      11000,
      'E11000 duplicate key error collection: c.x index: i dup key: { email: "ada@example.org" }',
    )
    expect(explainMongo(error, address)).not.toContain('ada@')
  })

  test('an address that is no connection string is a wrong setting, whose value is not quoted', () => {
    for (const uri of ['mongodb://u:hun@ter2@x', 'mongodb://u:hunter@x/?foo=bar', 'mongodb://u:hunter@x:99999']) {
      expect(() => open(uri)).toThrow(ConfigError)
      expect(() => open(uri)).toThrow(/^MONGODB_URI is not a usable connection string: [^h]*percent-encode/)
    }
  })

  test('while MongoDB cannot be prepared, each new reason is reported once', async () => {
    const reports: string[] = []
    const password = answer(18, 'Authentication failed.')
    const reasons = [password, password, answer(13, 'not authorized')]
    let calls = 0
    const ready = async () => {
      if (reasons[calls]) throw reasons[calls++]
    }
    await prepareMongo({ ready, address }, new AbortController().signal, (reason) => void reports.push(reason), 1)
    expect(calls).toBe(reasons.length)
    expect(reports).toEqual([expect.stringContaining('password'), expect.stringContaining('right')])
  })
})
