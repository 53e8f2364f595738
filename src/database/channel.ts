import pg from 'pg'
import type { Config } from '../config'
import type { Logger } from '../log'
import { connectionOptions } from './connection'
import { scopedName } from './schema-scope'

export type Channel = {
  /** Connects in the background and stays connected; calling it again does nothing. Never fails. */
  start(): void
  /** True while every message committed more than `silenceMs` ago has certainly arrived. */
  isCurrent(): boolean
  stop(): Promise<void>
}

type Options = {
  name: string
  hear: (payload: string) => void
  /** Reads what was missed while not connected; runs after LISTEN, so that no message is lost between the two. */
  catchUp: () => Promise<void>
  log: Logger
  /** Milliseconds from pulse to pulse (default 1,000), and without one until the connection counts as lost (3,000). */
  pulseMs?: number
  silenceMs?: number
}

type Server = { schema: string; readOnly: boolean }
const SERVER = `select current_schema() as schema, current_setting('transaction_read_only') = 'on' as "readOnly"`

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000

/**
 * LISTEN on its own connection, outside the pool. The channel sends itself pulses: messages arrive in the order of
 * commits, so a pulse proves that all earlier messages have arrived. Without pulses, and when the server turns read-only, it
 * connects again.
 */
export function openChannel(config: Config['postgres'], options: Options): Channel {
  const { name, hear, catchUp, log, pulseMs = 1_000, silenceMs = 3_000 } = options
  /** A name of this channel alone: otherwise each copy would hear the pulses of all copies. */
  const pulse = `pulse_${crypto.randomUUID().replaceAll('-', '')}`
  const purpose = { ...config, name: 'clinic-api channel', idleInTransactionMs: 15_000 }
  const { onConnect, ...connection } = connectionOptions(config, purpose)
  let state: 'new' | 'running' | 'stopped' = 'new'
  let provenAt = Number.NEGATIVE_INFINITY
  let client: pg.Client | undefined
  /** The connection that is still sending its last pulse. */
  let pulsing: pg.Client | undefined
  let beat: ReturnType<typeof setInterval> | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  let connecting: Promise<void> = Promise.resolve()
  let closing: Promise<void> = Promise.resolve()

  const isCurrent = () => performance.now() - provenAt < silenceMs

  async function connect(): Promise<void> {
    const mine = new pg.Client({ ...connection, keepAlive: true })
    client = mine
    mine.on('error', (error) => lose(mine, error))
    mine.on('end', () => lose(mine))
    mine.on('notification', ({ channel, payload = '' }) => {
      if (channel === pulse) provenAt = Math.max(provenAt, Number(payload))
      else hear(payload)
    })
    try {
      await mine.connect()
      await onConnect(mine)
      const { rows } = await mine.query<Server>(SERVER)
      requireWritable(rows)
      await mine.query(`listen "${scopedName(rows[0]!.schema, name)}"; listen "${pulse}"`)
      const listeningSince = performance.now()
      await catchUp()
      if (client !== mine) return
      provenAt = listeningSince
      failures = 0
      beat = setInterval(() => sendPulse(mine), pulseMs)
    } catch (error) {
      lose(mine, error)
    }
  }

  function sendPulse(through: pg.Client): void {
    if (!isCurrent()) lose(through)
    if (client !== through || pulsing === through) return
    pulsing = through
    void through
      .query<Server>(`${SERVER}, pg_notify($1, $2)`, [pulse, String(performance.now())])
      .then(({ rows }) => {
        pulsing = undefined
        requireWritable(rows)
      })
      .catch((error: Error) => lose(through, error))
  }

  function lose(lost: pg.Client, error?: unknown): void {
    if (client !== lost) return
    client = undefined
    provenAt = Number.NEGATIVE_INFINITY
    clearInterval(beat)
    closing = lost.end().catch(() => {})
    if (state === 'stopped') return
    log.warn({ error, channel: name }, 'a PostgreSQL channel was lost')
    const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures++) * (0.5 + Math.random())
    retry = setTimeout(() => {
      connecting = connect()
    }, delay)
  }

  return {
    start() {
      if (state !== 'new') return
      state = 'running'
      connecting = connect()
    },
    isCurrent,
    async stop() {
      state = 'stopped'
      clearTimeout(retry)
      if (client) lose(client)
      await Promise.all([connecting, closing])
    },
  }
}

/** After a failover the former primary goes on, but what is written to the new one is never heard there. */
function requireWritable([server]: Server[]): void {
  if (server?.readOnly) throw new Error('the server is read-only: after a failover the primary is another one')
}
