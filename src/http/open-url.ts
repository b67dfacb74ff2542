import { DockerToolsError } from '#errors'
import { bodyOf, expectRange } from './body-of.ts'
import { discard, type Exchange, fetchHeaders, statusError } from './fetch-headers.ts'
import type { HttpOptions } from './http-options.ts'
import { redactUrl } from './redact-url.ts'
import { DEFAULT_PATIENCE } from './retry-delay.ts'
import { answerError, tooLarge } from './transfer-errors.ts'

/** An answer whose headers are there and whose body can be read once. */
export interface HttpResponse extends AsyncDisposable {
  readonly status: number
  /** Names in lower case; values of repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** Where the answer came from after all redirects, with its query. Not for messages; see `redactUrl`. */
  readonly url: string
  /** The bytes as the server stores them. Reading on after a break happens inside. */
  readonly body: AsyncIterable<Uint8Array>
  /** Closes the connection if the body was not read to its end. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Asks for `url` and waits for the headers of the answer.
 *
 * Redirects are followed (10 at most, never from https to http). Broken
 * connections and passing failures (408, 425, 429, 5xx) are tried again with
 * growing delays; a body that breaks is read on from where it broke, as long
 * as it is the same (`ETag`, length). Memory does not grow with the body.
 * A body to send is opened anew for each try.
 *
 * @param url `http:` or `https:`. User and password in it are sent as basic authorization.
 * @returns An answer with status 2xx or one of `allowStatus`. Read its body, or dispose of it.
 * @throws {TransferError} `TRANSFER_FAILED` if there is no such answer; `status` is the last one.
 * @throws {DockerToolsError} `LIMIT_EXCEEDED` if the body is longer than
 *   `maxBytes`, here or while it is read; `TRUNCATED` (while it is read) if it
 *   keeps ending early; `INTERRUPTED` if `signal` says so; `USAGE` if `url` is none.
 */
export async function openUrl(url: string, options: HttpOptions = {}): Promise<HttpResponse> {
  const maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY
  const offset = options.offset ?? 0
  const exchange: Exchange = {
    target: { url: parseHttpUrl(url), headers: lowerCaseNames(options.headers ?? {}), isHome: true },
    method: options.method ?? 'GET',
    body: options.body,
    ownHeaders: {
      // Digests are of the bytes as stored; a body encoded on the way could not be resumed either.
      'accept-encoding': 'identity',
      ...(offset === 0 ? {} : { range: `bytes=${offset}-` }),
    },
    allowStatus: options.allowStatus ?? [],
    patience: { ...DEFAULT_PATIENCE, ...options.patience },
    signal: options.signal,
    env: options.env ?? process.env,
    authorizer: options.authorizer,
    tls: options.tls,
    isImmutable: options.isImmutable ?? false,
  }
  const answer = await fetchHeaders(exchange)
  try {
    const isAllowed = exchange.allowStatus.includes(answer.status)
    const isGood = answer.status >= 200 && answer.status <= 299
    if (!isGood && !isAllowed) throw statusError(answer)
    const encoding = answer.headers['content-encoding'] ?? 'identity'
    if (encoding !== 'identity') {
      throw answerError(
        answer.url,
        answer.status,
        `the server encoded the body as "${encoding}" though it was asked not to`,
      )
    }
    if (offset > 0 && !isAllowed && exchange.method === 'GET') expectRange(answer, offset)
    if (isGood && exchange.method !== 'HEAD' && Number(answer.headers['content-length'] ?? 0) > maxBytes) {
      throw tooLarge(answer.url, maxBytes)
    }
  } catch (error) {
    discard(answer)
    throw error
  }
  if (exchange.method === 'HEAD') answer.message.resume()
  const { status, headers } = answer
  const body = bodyOf(answer, exchange, { offset, maxBytes })
  return {
    status,
    headers,
    url: answer.url.href,
    body: body.chunks,
    async [Symbol.asyncDispose]() {
      await body.close()
    },
  }
}

function parseHttpUrl(url: string): URL {
  const parsed = URL.parse(url)
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return parsed
  throw new DockerToolsError('USAGE', `Cannot fetch "${redactUrl(url)}": it should start with "http://" or "https://"`)
}

function lowerCaseNames(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
