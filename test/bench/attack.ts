// A thread that sends one bad request so many times a second, for worst-bodies.bench.ts.
import type { WorstShape } from '../contract/worst-shapes'

declare const self: Worker

type Attack = { url: string; perSecond: number; method: string; shape: WorstShape; headers: Record<string, string> }

self.onmessage = ({ data }: MessageEvent<Attack>) => {
  const { url, perSecond, method, shape, headers } = data
  const send = () =>
    fetch(url + shape.address, { method, body: shape.body, headers: { ...headers, 'content-type': shape.type } })
      .then((response) => response.text())
      .catch(() => {})
  setInterval(() => void send(), 1000 / perSecond)
}
