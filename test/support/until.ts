/** Waits for what another process or connection will make true, and gives it; throws after `withinMs`. */
export async function until<T>(condition: () => T | Promise<T>, withinMs = 45_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs
  while (performance.now() < deadline) {
    const value = await condition()
    if (value) return value
    await Bun.sleep(5)
  }
  throw new Error(`not so within ${withinMs} ms: ${condition}`)
}
