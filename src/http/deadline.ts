import { unavailable } from '../errors'

/** Throws 503 if the task takes longer. For reads only: the task itself goes on. */
export async function withinDeadline<T>(ms: number, task: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable('The answer took too long. Send the request again.')), ms)
  })
  try {
    return await Promise.race([task(), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Undefined if the task fails or takes longer. */
export async function answerInTime<T>(ms: number, task: () => Promise<T>): Promise<T | undefined> {
  try {
    return await withinDeadline(ms, task)
  } catch {
    return undefined
  }
}
