// A process that sends the bad requests of one route in turn, so many times a second, for worst-bodies.bench.ts: it reads
// them as JSON from its standard input, their bodies in base64.
export type Attack = { perSecond: number; requests: { url: string; method: string; body: string; headers: Headers }[] }
type Headers = Record<string, string>

if (import.meta.main) {
  const { perSecond, requests } = (await Bun.stdin.json()) as Attack
  const ready = requests.map(({ url, body, ...rest }) => ({ url, ...rest, body: Uint8Array.fromBase64(body) }))
  let sent = 0
  const send = () => {
    const { url, ...request } = ready[sent++ % ready.length]!
    return fetch(url, request)
      .then((response) => response.text())
      .catch(() => {})
  }
  setInterval(() => void send(), 1000 / perSecond)
}
