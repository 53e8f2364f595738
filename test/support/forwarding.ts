import { connect, type Socket } from 'node:net'

/** A connection to PostgreSQL at a host, or in a folder with its socket. */
export const connectTo = ({ host, port }: { host: string; port: number }): Socket =>
  host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)

/** Each end closes with the other. */
export function tie(client: Socket, upstream: Socket): void {
  client.on('close', () => upstream.destroy()).on('error', () => upstream.destroy())
  upstream.on('close', () => client.destroy()).on('error', () => client.destroy())
}
