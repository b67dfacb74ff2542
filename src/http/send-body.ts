import type { ClientRequest } from 'node:http'
import { DockerToolsError } from '#errors'
import type { RequestBody } from './http-options.ts'

/** Runs while we wait for the network. */
export interface StallClock {
  /** From zero. */
  start(): void
  stop(): void
}

/**
 * A connection keeps smaller chunks that it cannot send at once, and asks for the next one all the same. Of larger ones it
 * says that it is full until they have been sent.
 */
const KEPT_BELOW_BYTES = 128 * 1024

/**
 * Sends a body as fast as the server takes it, until it is sent or the server has answered.
 *
 * Never rejects: a failure of the source destroys `request`, whose error event tells of it.
 */
export async function sendBody(
  request: ClientRequest,
  body: RequestBody,
  clock: StallClock,
  isAnswered: () => boolean,
): Promise<void> {
  let bytes = 0
  try {
    clock.stop()
    for await (const chunk of body.open()) {
      bytes += chunk.length
      // What is too much would be taken for the next request.
      if (body.size !== undefined && bytes > body.size) throw wrongSize(body.size, bytes)
      if (isAnswered() || request.destroyed) return
      clock.start()
      if (!request.write(chunk.length < KEPT_BELOW_BYTES ? Uint8Array.from(chunk) : chunk)) await writableAgain(request)
      clock.stop()
      if (isAnswered() || request.destroyed) return
    }
    if (body.size !== undefined && bytes !== body.size) throw wrongSize(body.size, bytes)
    clock.start()
    request.end()
  } catch (error) {
    request.destroy(error instanceof Error ? error : new Error('the source of the body failed', { cause: error }))
  }
}

/** Waits until `request` takes more, or has no reason to any more. */
function writableAgain(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'close', 'error', 'response'] as const
    const settle = (): void => {
      for (const event of events) request.off(event, settle)
      resolve()
    }
    for (const event of events) request.on(event, settle)
  })
}

function wrongSize(expected: number, actual: number): DockerToolsError {
  return new DockerToolsError('FILE_CHANGED', `Cannot send a body: it has ${actual} bytes, it should have ${expected}`)
}
