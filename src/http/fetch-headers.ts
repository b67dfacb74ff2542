import { setTimeout as sleep } from 'node:timers/promises'
import type { Authorizer, Environment, HttpMethod, Patience, RequestBody, TlsOptions } from './http-options.ts'
import { followRedirect, isRedirect, type Target } from './follow-redirect.ts'
import { parseRetryAfter, retryDelayMs } from './retry-delay.ts'
import { type Incoming, sendRequest } from './send-request.ts'
import { answerError, connectionError, isPassingError, isPassingStatus, interrupted } from './transfer-errors.ts'

/** A request as the caller means it: it may take several exchanges. */
export interface Exchange {
  readonly target: Target
  readonly method: HttpMethod
  readonly body: RequestBody | undefined
  /** Headers of ours, which go to every origin. */
  readonly ownHeaders: Readonly<Record<string, string>>
  readonly allowStatus: readonly number[]
  readonly patience: Patience
  readonly signal: AbortSignal | undefined
  readonly env: Environment
  readonly authorizer: Authorizer | undefined
  readonly tls: TlsOptions | undefined
  readonly isImmutable: boolean
}

/** An answer and where it came from in the end. */
export interface Answer extends Incoming {
  readonly url: URL
  /** The `Authorization` that it is the answer to, where our authorizer was asked for one. */
  readonly authorization: string | undefined
  /** Whether our authorizer was asked. */
  readonly isHome: boolean
}

const MAX_REDIRECTS = 10
/** A token may have ended, and the next one be for too little. More than that does not get better. */
const MAX_CHALLENGES = 2
const DRAINED_BYTES = 16 * 1024
const DRAIN_MS = 1000

/**
 * Asks until there is an answer that is no redirect and no passing failure.
 *
 * @param failuresBefore Tries that have failed in a row already.
 * @throws {TransferError} If the connection or the server fails for the last time.
 * @throws {DockerToolsError} `INTERRUPTED`
 */
export async function fetchHeaders(exchange: Exchange, failuresBefore = 0): Promise<Answer> {
  const { patience, signal, target } = exchange
  let challenges = 0
  for (let failures = failuresBefore + 1; ; failures++) {
    let failure: Error
    let retryAfterMs: number | undefined
    try {
      const answer = await followToTheEnd(exchange)
      if (challenges < MAX_CHALLENGES && (await isWorthAnswering(answer, exchange))) {
        discard(answer)
        challenges++
        failures--
        continue
      }
      if (!isPassingStatus(answer.status) || exchange.allowStatus.includes(answer.status)) return answer
      discard(answer)
      retryAfterMs = parseRetryAfter(answer.headers)
      failure = statusError(answer)
    } catch (error) {
      failure = connectionError(target.url, error, signal)
      if (signal?.aborted === true || !isPassingError(error)) throw failure
    }
    const delayMs = failures < patience.attempts ? retryDelayMs(failures, retryAfterMs, patience) : undefined
    if (delayMs === undefined) throw failure
    await pause(delayMs, target.url, signal)
  }
}

/** Waits, unless the caller does not want to any more. */
export async function pause(delayMs: number, url: URL, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    throw signal?.aborted === true ? interrupted(url, signal) : error
  }
}

/** The error for an answer whose status says that there is no such thing, or not for us, or not now. */
export function statusError({ url, status, message, headers }: Answer): Error {
  const seconds = parseRetryAfter(headers)
  const hint = seconds === undefined ? undefined : `The server asks to wait for ${Math.ceil(seconds / 1000)} seconds`
  const reason = /^[ -~]+$/.test(message.statusMessage ?? '') ? ` ${message.statusMessage}` : ''
  return answerError(url, status, `the server answered ${status}${reason}`, hint)
}

/** Lets go of an answer whose body nobody wants. A short one is read, so that the connection can be used again. */
export function discard({ message, headers }: Incoming): void {
  if (!(Number(headers['content-length']) <= DRAINED_BYTES)) {
    message.destroy()
    return
  }
  const timer = setTimeout(() => message.destroy(), DRAIN_MS)
  message.once('close', () => clearTimeout(timer))
  message.resume()
}

/** Whether the authorizer knows more to say to a server that asks who we are. */
async function isWorthAnswering(answer: Answer, { authorizer }: Exchange): Promise<boolean> {
  if (answer.status !== 401 || !answer.isHome || authorizer === undefined) return false
  try {
    return await authorizer.challenged(answer.headers, answer.authorization)
  } catch (error) {
    discard(answer)
    throw error
  }
}

async function followToTheEnd(exchange: Exchange): Promise<Answer> {
  let { target } = exchange
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const { isHome } = target
    const authorization = isHome ? await exchange.authorizer?.authorization() : undefined
    const incoming = await sendRequest({
      url: target.url,
      method: exchange.method,
      headers: {
        ...target.headers,
        ...exchange.ownHeaders,
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: exchange.body,
      stallMs: exchange.patience.stallMs,
      signal: exchange.signal,
      env: exchange.env,
      tls: exchange.tls,
    })
    if (!isRedirect(incoming)) return { ...incoming, url: target.url, authorization, isHome }
    discard(incoming)
    target = followRedirect(target, incoming, exchange)
  }
  throw answerError(exchange.target.url, undefined, `the server redirects more than ${MAX_REDIRECTS} times`)
}
