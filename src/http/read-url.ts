import type { HttpOptions } from './http-options.ts'
import { openUrl } from './open-url.ts'
import { readResponse } from './read-response.ts'

export interface ReadUrlOptions extends Omit<HttpOptions, 'method' | 'body' | 'offset' | 'allowStatus' | 'maxBytes'> {
  /** Bytes that the body may have. */
  readonly maxBytes: number
  /** Whether a file that is not there is an answer. Default: false. */
  readonly allowMissing?: boolean
}

/** S3 and others answer 403 for what is not there to those who may not list. */
const MISSING_STATUSES = [403, 404, 410]

/**
 * Reads a small file whole.
 *
 * @returns Its bytes, or undefined if `allowMissing` is set and the server says 403, 404 or 410.
 * @throws As `openUrl` does.
 */
export async function readUrl(url: string, options: ReadUrlOptions): Promise<Uint8Array | undefined> {
  const { allowMissing = false, ...others } = options
  await using response = await openUrl(url, { ...others, allowStatus: allowMissing ? MISSING_STATUSES : [] })
  if (MISSING_STATUSES.includes(response.status)) return undefined
  return await readResponse(response, options.maxBytes)
}
