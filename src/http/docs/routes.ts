import { z } from '@hono/zod-openapi'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import type { Deps } from '../../deps'
import { answer } from '../answer'
import { operation } from '../operations/operation'
import { createRouter } from '../operations/router'
import { signInBox } from './page'

const docsOperation = operation({
  method: 'get',
  path: '/docs',
  tag: 'Operations',
  operationId: 'readDocs',
  summary: 'Open the interactive documentation',
  description: 'A page that shows the OpenAPI document and can send requests. It loads nothing from other servers.',
  access: 'public',
  who: 'anyone',
  answer: {
    status: 200,
    description: 'An HTML page',
    schema: z.string().max(10_000).openapi({ example: '<!doctype html>…' }),
    contentType: 'text/html',
  },
})

/** The page and its files. They have megabytes, so they are loaded at the first request. */
export function docsRoutes(deps: Deps) {
  const { app, read } = createRouter(deps)
  const load = () => import('./assets')

  /** `files`: where the files of the page are, seen from the address of the page. */
  const page = async (files: string) =>
    (await load()).pageWith({ files, head: '', top: deps.config.demoData ? signInBox : '' })
  const headers = { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' }

  read(docsOperation, async () => answer(await page('docs/'), { headers }))
  app.get('/docs/', async (c) => c.body(await page(''), 200, headers))

  app.use('/docs/*', compress({ encoding: 'gzip' }), etag())
  for (const file of ['swagger-ui.js', 'swagger-ui.css', 'page.css', 'start.js'] as const) {
    app.get(`/docs/${file}`, async (c) => {
      const { content, type } = (await load()).assets[file]
      return c.body(content, 200, { 'Content-Type': type, 'Cache-Control': 'public, max-age=3600' })
    })
  }
  return app
}
