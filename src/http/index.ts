/**
 * HTTP requests that survive: retries with fresh bodies, redirects that keep
 * secrets, bodies that are read on after a break, limits, proxies, certificates.
 *
 * Knows no registry and no authorization scheme; whoever does builds on
 * `openUrl` with an `authorizer` and `allowStatus`.
 *
 * @see RFC 9110 (semantics; 14.2 ranges, 15.4 redirects, 10.2.3 Retry-After)
 */
export type {
  Authorizer,
  Environment,
  HttpMethod,
  HttpOptions,
  Patience,
  RequestBody,
  TlsOptions,
} from './http-options.ts'
export { type HttpResponse, openUrl } from './open-url.ts'
export { readResponse } from './read-response.ts'
export { type ReadUrlOptions, readUrl } from './read-url.ts'
export { isPassingFailure, waitForRetry } from './retry-wait.ts'
export { isLoopbackHost } from './proxy-environment.ts'
export { redactUrl } from './redact-url.ts'
