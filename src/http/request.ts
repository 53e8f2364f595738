/** What middleware leaves for the rest of a request. */
export type RequestVariables = {
  requestId: string
  /** The caller's address, believed through configured proxies only. */
  ip: string | null
  actorId?: string
}
