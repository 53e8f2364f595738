import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../support/ports'
import { findProgram } from '../support/programs'
import { runFolder } from '../support/run-folder'
import { type Server, startServer } from './servers'

/** nginx in front of `servers`, as one process with kept-alive connections; undefined if it is not installed. */
export async function startNginx(servers: Server[]): Promise<Server | undefined> {
  const nginx = findProgram('nginx', 'copies behind nginx')
  if (!nginx) return undefined
  const folder = mkdtempSync(join(runFolder(), 'nginx-'))
  const file = join(folder, 'nginx.conf')
  const port = freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`)
  const upstreams = servers.map(({ url }) => `server ${new URL(url).host};`)
  writeFileSync(
    file,
    `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  keepalive_requests 1000000;
  upstream api { ${upstreams.join(' ')} keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }
}
`,
  )
  return await startServer(file, { PORT: String(port) }, '/health/ready', [nginx, '-p', folder, '-c'])
}
