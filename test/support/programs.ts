/** The path of an optional program; if it is missing, prints in one line which tests are skipped. */
export function findProgram(name: string, whatFor: string): string | undefined {
  // Debian keeps some programs where only root looks for them.
  const path = Bun.which(name, { PATH: `${process.env.PATH}:/usr/sbin` })
  if (!path) console.log(`skipped: ${whatFor} needs ${name}, which is not installed`)
  return path ?? undefined
}
