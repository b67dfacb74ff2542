import type { Incoming } from './send-request.ts'
import { answerError } from './transfer-errors.ts'

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** Harmless wherever they go. */
const HEADERS_FOR_STRANGERS: ReadonlySet<string> = new Set(['accept', 'user-agent'])

/** Where a request goes, with the caller's headers it takes along. Names are in lower case. */
export interface Target {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

export function isRedirect({ status, headers }: Incoming): boolean {
  return REDIRECT_STATUSES.has(status) && headers['location'] !== undefined
}

/**
 * Where an answer sends us.
 *
 * @returns The next target. On another origin it has none of the caller's
 *   headers that may hold a secret, and does not get them back later.
 * @throws {TransferError} If it is no HTTP URL, or leads from https to http.
 */
export function followRedirect(from: Target, { status, headers }: Incoming): Target {
  const location = headers['location'] ?? ''
  const url = URL.parse(location, from.url.href)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw answerError(from.url, status, 'the server redirects to something that is no HTTP URL')
  }
  if (from.url.protocol === 'https:' && url.protocol === 'http:') {
    throw answerError(from.url, status, `the server redirects to "${url.origin}", which is not encrypted`)
  }
  return { url, headers: url.origin === from.url.origin ? from.headers : headersForStrangers(from.headers) }
}

function headersForStrangers(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HEADERS_FOR_STRANGERS.has(name)))
}
