// Replaces the API: ready at once, and takes a moment to drain.
import { Client } from 'pg'

const { POSTGRESQL_HOST: host, POSTGRESQL_PORT, POSTGRESQL_USER: user, POSTGRESQL_DATABASE: database } = process.env
const postgres = new Client({ host, port: Number(POSTGRESQL_PORT), user, database })
postgres.on('error', () => {})
await postgres.connect()

Bun.serve({
  port: process.env.PORT,
  routes: {
    '/health/ready': () => new Response('ready'),
    '/environment': () => Response.json(process.env),
    '/pid': () => Response.json(process.pid),
    '/version': () => new Response('version 1'),
    '/notes': {
      GET: async () => Response.json((await postgres.query('SELECT text FROM notes')).rows),
      POST: async (request) => {
        await postgres.query('INSERT INTO notes VALUES ($1)', [await request.text()])
        return new Response('kept', { status: 201 })
      },
    },
  },
})

process.on('SIGTERM', async () => {
  await Bun.sleep(100)
  // Proves that the database outlives the API.
  await postgres.query("INSERT INTO notes VALUES ('drained')")
  console.log('api drained')
  process.exit(0)
})
