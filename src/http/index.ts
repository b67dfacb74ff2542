/**
 * HTTP requests that survive: retries, redirects that keep secrets, bodies that
 * are read on after a break, limits, proxies.
 *
 * Reading only. Knows no registry and no authorization scheme; whoever does
 * (tokens, uploads) builds on `openUrl` with `headers` and `allowStatus`.
 *
 * @see RFC 9110 (semantics; 14.2 ranges, 15.4 redirects, 10.2.3 Retry-After)
 */
export type { HttpOptions, Patience } from './http-options.ts'
export { type HttpResponse, openUrl } from './open-url.ts'
export { type ReadUrlOptions, readUrl } from './read-url.ts'
export { redactUrl } from './redact-url.ts'
