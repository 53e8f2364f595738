import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = {
  /** `route` is the pattern, `/appointments/:id`: a label per id would grow without bound. */
  observeRequest(labels: { method: string; route: string; status: number }, seconds: number): void
  /** Adds a gauge whose value is read at each scrape. */
  addGauge(name: string, help: string, read: () => number): void
  /** Adds gauges by name, with their help, that one call reads at each scrape; a gauge without a value is left out. */
  addGauges<N extends string>(help: Record<N, string>, read: () => Promise<Partial<Record<N, number>>>): void
  /** Adds a gauge with one value for each value of a label, which one call reads; without a result it is left out. */
  addLabelledGauge(
    name: string,
    help: string,
    label: string,
    read: () => Promise<Record<string, number> | undefined>,
  ): void
  contentType: string
  expose(): Promise<string>
}

/** Constant, zero or wrong under Bun. */
const MEANINGLESS = /^(nodejs_(heap_space_|active_)|process_(heap|virtual_memory)_bytes)/

/** Prometheus metrics. CPU and memory of the process are collected from the first scrape on. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request to its answer, by route pattern and status.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  let watchesProcess = false

  function watchProcess(): void {
    watchesProcess = true
    collectDefaultMetrics({ register: registry })
    for (const { name } of registry.getMetricsAsArray()) if (MEANINGLESS.test(name)) registry.removeSingleMetric(name)
  }

  return {
    observeRequest: (labels, seconds) => durations.observe(labels, seconds),
    addGauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read())
        },
      })
    },
    addGauges(help, read) {
      const shared = atMostOnceASecond(read)
      for (const name of Object.keys(help) as (keyof typeof help)[])
        new Gauge({
          name,
          help: help[name],
          registers: [registry],
          async collect() {
            const value = (await shared())[name]
            if (value === undefined) this.remove()
            else this.set(value)
          },
        })
    },
    addLabelledGauge(name, help, label, read) {
      const shared = atMostOnceASecond(read)
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers: [registry],
        async collect() {
          const values = await shared()
          this.reset()
          for (const [key, value] of Object.entries(values ?? {})) this.set({ [label]: key }, value)
        },
      })
    },
    contentType: registry.contentType,
    async expose() {
      if (!watchesProcess) watchProcess()
      return registry.metrics()
    },
  }
}

/** Scrapes by several collectors cost one question. */
function atMostOnceASecond<T>(read: () => Promise<T>): () => Promise<T> {
  let asked: { at: number; answer: Promise<T> } | undefined
  return () => {
    if (!asked || performance.now() - asked.at >= 1_000) asked = { at: performance.now(), answer: read() }
    return asked.answer
  }
}
