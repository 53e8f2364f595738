/** The path of an optional program; if it is missing, prints in one line which tests are skipped. */
export function findProgram(name: string, whatFor: string): string | undefined {
  const path = Bun.which(name)
  if (!path) console.log(`skipped: ${whatFor} needs ${name}, which is not installed`)
  return path ?? undefined
}
