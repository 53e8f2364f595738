const HEALTH = /^https?:\/\/[^/]*(\/health\/.*)$/

/**
 * The request with an absolute URL. HTTP/1.0 needs no Host header, and load balancers leave it out. `/health/*` is answered
 * for every Host.
 */
export function withAbsoluteUrl(request: Request): Request {
  const path = request.url.startsWith('/') ? request.url : HEALTH.exec(request.url)?.[1]
  if (path === undefined || URL.canParse(request.url)) return request
  return new Request(`http://localhost${path}`, request)
}
