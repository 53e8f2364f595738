import { unavailable } from '../errors'

/** 503 when `task` takes longer; for reads only, as the task itself goes on. */
export async function withinDeadline<T>(ms: number, task: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable('The answer took too long.')), ms)
  })
  try {
    return await Promise.race([task(), late])
  } finally {
    clearTimeout(timer)
  }
}
