import { TransferError } from '#errors'
import { pause } from './fetch-headers.ts'
import type { Patience } from './http-options.ts'
import { DEFAULT_PATIENCE, parseRetryAfter, retryDelayMs } from './retry-delay.ts'
import { isPassingError, isPassingStatus } from './transfer-errors.ts'

/**
 * Waits before work that is made of several requests is begun again, as `openUrl` does between tries of one.
 *
 * @param failures Tries that have failed in a row, from 1.
 * @param headers Of the answer that was the failure, where there was one: it may ask for time.
 * @returns False, at once, where it was tried often enough or the server wants more time than there is.
 * @throws {DockerToolsError} `INTERRUPTED`
 */
export async function waitForRetry(
  failures: number,
  headers: Readonly<Record<string, string>>,
  url: string,
  options: { readonly patience?: Partial<Patience> | undefined; readonly signal?: AbortSignal | undefined },
): Promise<boolean> {
  const patience = { ...DEFAULT_PATIENCE, ...options.patience }
  const delayMs = failures < patience.attempts ? retryDelayMs(failures, parseRetryAfter(headers), patience) : undefined
  if (delayMs === undefined) return false
  await pause(delayMs, new URL(url), options.signal)
  return true
}

/** Whether what failed may work at the next try: a connection that broke, or a server that cannot now. */
export function isPassingFailure(error: unknown): boolean {
  if (!(error instanceof TransferError) || error.code !== 'TRANSFER_FAILED') return false
  if (error.status !== undefined) return isPassingStatus(error.status)
  // What was going on is said around the error of the connection, once or twice.
  let cause: unknown = error.cause
  for (let depth = 0; depth < 4 && cause instanceof TransferError; depth++) cause = cause.cause
  return isPassingError(cause)
}
