import type { IncomingMessage } from 'node:http'
import { DockerToolsError } from '#errors'
import { type Answer, discard, type Exchange, fetchHeaders, pause, statusError } from './fetch-headers.ts'
import { redactUrl } from './redact-url.ts'
import { retryDelayMs } from './retry-delay.ts'
import { answerError, connectionError, interrupted, isPassingError, StallError, tooLarge } from './transfer-errors.ts'

/** A body that can be read once, and let go of at any time. */
export interface Body {
  readonly chunks: AsyncIterable<Uint8Array>
  close(): Promise<void>
}

/** What a transfer has to get on by for its failures to be counted from zero again. */
const PROGRESS_BYTES = 64 * 1024

/**
 * The body of `first`, which is read on with range requests when it breaks.
 *
 * @param limits `offset` is where the body starts in the whole; `maxBytes` is
 *   what it may have from there.
 */
export function bodyOf(first: Answer, exchange: Exchange, limits: { offset: number; maxBytes: number }): Body {
  let answer = first

  async function* read(): AsyncGenerator<Uint8Array> {
    let position = limits.offset
    let failures = 0
    let positionOfFailure = position
    let bytesToSkip = 0
    for (;;) {
      let failure: unknown
      try {
        for await (const chunk of readMessage(answer.message, exchange.patience.stallMs)) {
          const fresh = chunk.subarray(Math.min(bytesToSkip, chunk.length))
          bytesToSkip -= chunk.length - fresh.length
          if (fresh.length === 0) continue
          position += fresh.length
          if (position - limits.offset > limits.maxBytes) throw tooLarge(answer.url, limits.maxBytes)
          yield fresh
        }
        return
      } catch (error) {
        failure = error
      }
      if (exchange.signal?.aborted === true) throw interrupted(answer.url, exchange.signal)
      if (!isPassingError(failure) || !canReadOn(exchange, first))
        throw connectionError(answer.url, failure, exchange.signal)
      failures = position - positionOfFailure >= PROGRESS_BYTES ? 1 : failures + 1
      positionOfFailure = position
      if (failures >= exchange.patience.attempts) throw brokenBody(answer.url, position - limits.offset, failure)
      await pause(retryDelayMs(failures, undefined, exchange.patience) ?? 0, answer.url, exchange.signal)
      answer = await readOn(exchange, first, position, failures)
      bytesToSkip = answer.status === 200 ? position : 0
    }
  }

  return {
    chunks: exchange.method === 'HEAD' ? nothing() : read(),
    async close() {
      // The length in an answer to HEAD is that of a body that does not come: the connection is good.
      if (exchange.method === 'HEAD') return
      if (!answer.message.complete || !answer.message.readableEnded) discard(answer)
    },
  }
}

/** What was sent is not sent again for the rest of the answer, and the rest of an error is not worth it. */
function canReadOn({ method }: Exchange, { status }: Answer): boolean {
  return method === 'GET' && status >= 200 && status <= 299
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // The answer to HEAD has no body.
}

/** The bytes of one answer. The clock runs only while we wait for the network. */
async function* readMessage(message: IncomingMessage, stallMs: number): AsyncGenerator<Uint8Array> {
  const iterator: AsyncIterator<Uint8Array> = message[Symbol.asyncIterator]()
  try {
    for (;;) {
      const timer = setTimeout(() => message.destroy(new StallError(`no byte for ${stallMs} ms`)), stallMs)
      const result = await iterator.next().finally(() => clearTimeout(timer))
      if (result.done === true) return
      yield result.value
    }
  } finally {
    await iterator.return?.()
  }
}

/** Asks for the rest of a body. */
async function readOn(exchange: Exchange, first: Answer, position: number, failures: number): Promise<Answer> {
  const validator = exchange.isImmutable ? undefined : strongValidator(first.headers)
  const rangeHeaders = {
    range: `bytes=${position}-`,
    ...(validator === undefined ? {} : { 'if-range': validator }),
  }
  const ownHeaders = { ...exchange.ownHeaders, ...(position === 0 ? {} : rangeHeaders) }
  const answer = await fetchHeaders({ ...exchange, ownHeaders }, failures)
  try {
    if (answer.status < 200 || answer.status > 299) throw statusError(answer)
    if (position === 0) return answer
    if (answer.status === 200 && exchange.isImmutable) return answer
    if (answer.status === 200) throw truncatedBody(answer.url, 'and the server does not send the rest of it')
    expectRange(answer, position)
    if (!exchange.isImmutable) expectSameBody(first, answer)
    return answer
  } catch (error) {
    discard(answer)
    throw error
  }
}

/** @throws {TransferError} If the answer is not the part of the body that starts at `position`. */
export function expectRange({ url, status, headers }: Answer, position: number): void {
  const start = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1]
  if (status === 206 && Number(start) === position) return
  const what = `the server was asked for the bytes from ${position} on and sent others`
  throw answerError(url, status, what, 'The file may have changed during the transfer: try again')
}

function expectSameBody(first: Answer, next: Answer): void {
  const [tag, nextTag] = [first.headers['etag'], next.headers['etag']]
  const [size, nextSize] = [totalBytes(first), totalBytes(next)]
  const isOther =
    (tag !== undefined && nextTag !== undefined && tag !== nextTag) ||
    (size !== undefined && nextSize !== undefined && size !== nextSize)
  if (isOther) throw answerError(next.url, next.status, 'the body broke off, and the server has another one now')
}

/** Bytes of the whole, where the answer says so. */
function totalBytes({ status, headers }: Answer): number | undefined {
  const text = status === 206 ? /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1] : headers['content-length']
  return text === undefined ? undefined : Number(text)
}

/** What `If-Range` accepts: a strong tag, or else the date. */
function strongValidator(headers: Readonly<Record<string, string>>): string | undefined {
  const tag = headers['etag']
  return tag?.startsWith('"') === true ? tag : headers['last-modified']
}

function brokenBody(url: URL, bytes: number, cause: unknown): Error {
  if (cause instanceof StallError) return connectionError(url, cause, undefined)
  return truncatedBody(url, `${bytes} bytes came, and more were announced`, cause)
}

function truncatedBody(url: URL, what: string, cause?: unknown): Error {
  const message = `Cannot fetch "${redactUrl(url)}": the body ended before it was complete, ${what}`
  return new DockerToolsError('TRUNCATED', message, { cause })
}
