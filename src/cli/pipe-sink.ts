import { Socket } from 'node:net'
import type { ByteSink } from '#util'

/** Something that is written to as it is, and ended once all is written. */
export interface EndedSink extends ByteSink {
  end(): Promise<void>
  /** Lets go of it without waiting for whatever was not taken yet. */
  discard(): void
}

/**
 * Writes to a pipe without blocking the thread, so that an interrupt is heard while the reader is slow. Errors are the
 * system's.
 *
 * @param onWrite Is told of every chunk.
 */
export function pipeSink(fd: number, onWrite: (chunk: Uint8Array) => void = () => undefined): EndedSink {
  const socket = new Socket({ fd, readable: false, writable: true })
  let failure: Error | undefined
  socket.on('error', (error) => (failure = error))
  return {
    write: (chunk) =>
      new Promise<void>((resolve, reject) => {
        onWrite(chunk)
        if (failure !== undefined) {
          reject(failure)
          return
        }
        socket.write(chunk, (error) => {
          if (error === null || error === undefined) resolve()
          else reject(error)
        })
      }),
    end: () =>
      new Promise<void>((resolve, reject) => {
        socket.end((error?: Error | null) => (error === null || error === undefined ? resolve() : reject(error)))
      }),
    discard: () => socket.destroy(),
  }
}
