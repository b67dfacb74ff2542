import { randomInt } from 'node:crypto'
import type { Patience } from './http-options.ts'

const RANDOM_STEPS = 1_000_000

export const DEFAULT_PATIENCE: Patience = {
  attempts: 5,
  stallMs: 60_000,
  firstDelayMs: 500,
  maxDelayMs: 60_000,
  // Chance is wanted here: it moves waiting times only, never a byte of a result.
  random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
}

/**
 * Time to wait before the next try: exponential, the upper half of it random.
 *
 * @param failures Tries that have failed in a row, from 1.
 * @param retryAfterMs What the server asked for, where it did.
 * @returns Milliseconds, or undefined if the server wants more than we wait.
 */
export function retryDelayMs(
  failures: number,
  retryAfterMs: number | undefined,
  patience: Patience,
): number | undefined {
  if (retryAfterMs !== undefined) return retryAfterMs <= patience.maxDelayMs ? retryAfterMs : undefined
  const fullMs = Math.min(patience.firstDelayMs * 2 ** (failures - 1), patience.maxDelayMs)
  return fullMs * (0.5 + patience.random() / 2)
}

/**
 * Reads `Retry-After`, in seconds or as a date. A date is compared with the
 * server's own `Date`, so that no clock of ours has to be right.
 *
 * @returns Milliseconds from now, or undefined where it is absent or makes no sense.
 */
export function parseRetryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const value = headers['retry-after']
  if (value === undefined) return undefined
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const delayMs = Date.parse(value) - Date.parse(headers['date'] ?? '')
  return Number.isNaN(delayMs) ? undefined : Math.max(delayMs, 0)
}
