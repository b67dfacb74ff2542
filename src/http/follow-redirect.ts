import type { HttpMethod, RequestBody } from './http-options.ts'
import type { Incoming } from './send-request.ts'
import { answerError } from './transfer-errors.ts'

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** These keep the method and the body; after the others clients disagree about them. */
const FAITHFUL_STATUSES: ReadonlySet<number> = new Set([307, 308])
const READING_METHODS: ReadonlySet<HttpMethod> = new Set(['GET', 'HEAD'])
/** Harmless wherever they go. */
const HEADERS_FOR_STRANGERS: ReadonlySet<string> = new Set(['accept', 'content-type', 'user-agent'])

/** Where a request goes, with the caller's headers it takes along. Names are in lower case. */
export interface Target {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Whether no redirect has led to another origin on the way here. */
  readonly isHome: boolean
}

export function isRedirect({ status, headers }: Incoming): boolean {
  return REDIRECT_STATUSES.has(status) && headers['location'] !== undefined
}

/**
 * Where an answer sends us.
 *
 * @returns The next target. On another origin it has none of the caller's
 *   headers that may hold a secret, and does not get them back later.
 * @throws {TransferError} If it is no HTTP URL, leads from https to http, would
 *   lose the body of the request, or would take a secret one to another origin.
 */
export function followRedirect(
  from: Target,
  { status, headers }: Incoming,
  request: { readonly method: HttpMethod; readonly body: RequestBody | undefined },
): Target {
  const location = headers['location'] ?? ''
  const url = URL.parse(location, from.url.href)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw answerError(from.url, status, 'the server redirects to something that is no HTTP URL')
  }
  if (from.url.protocol === 'https:' && url.protocol === 'http:') {
    throw answerError(from.url, status, `the server redirects to "${url.origin}", which is not encrypted`)
  }
  if (!READING_METHODS.has(request.method) && !FAITHFUL_STATUSES.has(status)) {
    const what = `the server redirects a ${request.method} with ${status}, it should be 307 or 308`
    throw answerError(from.url, status, what)
  }
  if (url.origin === from.url.origin) return { ...from, url }
  if (request.body?.isSecret === true) {
    throw answerError(from.url, status, `the server redirects to "${url.origin}", and credentials do not go there`)
  }
  return { url, headers: headersForStrangers(from.headers), isHome: false }
}

function headersForStrangers(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HEADERS_FOR_STRANGERS.has(name)))
}
