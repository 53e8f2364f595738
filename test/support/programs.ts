/** The path of an optional program; without it, says in one line what is not tested. */
export function findProgram(name: string, whatFor: string): string | undefined {
  const path = Bun.which(name)
  if (!path) console.log(`skipped: ${whatFor} needs ${name}, which is not installed`)
  return path ?? undefined
}
