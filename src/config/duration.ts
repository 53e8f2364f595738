import { z } from 'zod'

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** `90s`, `15m`, `12h`, `30d` → seconds. */
export const duration = z
  .string()
  .regex(/^[1-9]\d{0,5}[smhd]$/, 'must be a whole number with s, m, h or d, like 15m or 30d')
  .transform((text) => Number(text.slice(0, -1)) * UNITS[text.slice(-1) as keyof typeof UNITS])

/** True if the setting is a duration and `wrong` says so of its seconds. */
export function hasDuration(text: string | undefined, wrong: (seconds: number) => boolean): boolean {
  const parsed = duration.safeParse(text)
  return parsed.success && wrong(parsed.data)
}

export const DAY_SECONDS = UNITS.d
