/** Waits until another process or connection makes the condition true; returns its value, throws after `withinMs`. */
export async function until<T>(condition: () => T | Promise<T>, withinMs = 45_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs
  while (performance.now() < deadline) {
    const value = await condition()
    if (value) return value
    await Bun.sleep(5)
  }
  throw new Error(`not true within ${withinMs} ms: ${condition}`)
}
