/** The minor version of this process's glibc (36 for 2.36); undefined on musl and outside Linux. */
export function glibcMinor(): number | undefined {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  const minor = /^2\.(\d+)/.exec(report.header.glibcVersionRuntime ?? '')?.[1]
  return minor === undefined ? undefined : Number(minor)
}
