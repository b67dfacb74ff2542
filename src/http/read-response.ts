import type { HttpResponse } from './open-url.ts'
import { tooLarge } from './transfer-errors.ts'

/**
 * Reads a short body whole.
 *
 * @throws {DockerToolsError} `LIMIT_EXCEEDED` for more than `maxBytes`, and as the body does.
 */
export async function readResponse(response: HttpResponse, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(new URL(response.url), maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
