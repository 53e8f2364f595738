/**
 * A Content-Disposition header of `attachment` (RFC 6266): the full name in `filename*` (RFC 8187), and in `filename` with
 * ASCII letters only, for clients that do not support `filename*`.
 */
export function contentDisposition(filename: string): string {
  const plain = filename
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\w .()-]/gu, '_')
  const encoded = encodeURIComponent(filename).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}
