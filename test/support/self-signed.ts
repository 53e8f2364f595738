import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './programs'
import { runFolder } from './run-folder'

/** A key and a certificate of `localhost` that no CA has signed; undefined without openssl. */
export function selfSigned(): { key: string; cert: string; certFile: string } | undefined {
  const openssl = findProgram('openssl', 'a server with TLS')
  if (!openssl) return undefined
  const [keyFile, certFile] = ['key', 'cert'].map((name) => join(runFolder(), `${name}-${crypto.randomUUID()}.pem`))
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const options = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', keyFile!, '-out', certFile!]
  const { success, stderr } = Bun.spawnSync([openssl, 'req', '-x509', ...options, ...names])
  if (!success) throw new Error(`openssl made no certificate: ${stderr}`)
  return { key: readFileSync(keyFile!, 'utf8'), cert: readFileSync(certFile!, 'utf8'), certFile: certFile! }
}
