import { DockerToolsError } from '#errors'

/**
 * Does work that `signal` may stop.
 *
 * @throws {DockerToolsError} `INTERRUPTED`, with the signal's reason as its cause, in whatever words the work told of it.
 */
export async function interruptible<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    signal?.throwIfAborted()
    return await work()
  } catch (error) {
    if (signal?.aborted !== true || error instanceof DockerToolsError || !tellsOf(signal, error)) throw error
    throw new DockerToolsError('INTERRUPTED', 'Cannot finish the work: it was stopped', { cause: signal.reason })
  }
}

/** Node's functions throw errors of their own, with the reason inside. */
function tellsOf({ reason }: AbortSignal, error: unknown): boolean {
  return error === reason || (error instanceof Error && (error.name === 'AbortError' || error.cause === reason))
}
