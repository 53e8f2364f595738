import type { ScheduleDelivery } from '../../../src/payments/providers/sandbox-webhooks'

/** A clock that moves only by `advance`, which runs the due tasks in order. */
export function createManualTime(start: Date) {
  let now = start.getTime()
  let due: { at: number; run: () => unknown }[] = []
  const schedule: ScheduleDelivery = (run, delayMs) => {
    const task = { at: now + delayMs, run }
    due.push(task)
    return () => {
      due = due.filter((other) => other !== task)
    }
  }
  return {
    clock: () => new Date(now),
    schedule,
    async advance(ms: number) {
      const end = now + ms
      for (;;) {
        const next = due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        due = due.filter((task) => task !== next)
        now = next.at
        await next.run()
      }
      now = end
    },
  }
}
