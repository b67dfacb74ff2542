import { write } from 'node:fs'
import { promisify } from 'node:util'
import type { ByteSink } from './byte-sink.ts'

/** Writes a file from its beginning while the caller goes on. */
export interface FileWriter extends ByteSink {
  write(chunk: Uint8Array): void | Promise<void>
  /** Resolves once all is written, or nothing more will be. */
  finish(): Promise<void>
}

const BUFFER_BYTES = 512 * 1024
/** Enough that a slow call of the system holds nobody up. */
const BUFFERS = 8

const NOTHING: Buffer<ArrayBuffer> = Buffer.alloc(0)

const writeAsync = promisify(write)

/**
 * Gathers what comes into buffers, which threads of the system's pool write, so that one core reads and packs while
 * another one copies into the page cache. An error of the system shows at a later write or at the end.
 *
 * The file stays the caller's, who closes it after `finish`.
 */
export function makeFileWriter(fd: number): FileWriter {
  const free: Buffer<ArrayBuffer>[] = []
  const pending = new Set<Promise<void>>()
  let buffer: Buffer<ArrayBuffer> = NOTHING
  let [filled, position, made] = [0, 0, 0]
  let failure: { readonly error: unknown } | undefined

  function send(): void {
    const [bytes, sent, from] = [buffer, filled, position]
    position += filled
    filled = 0
    buffer = NOTHING
    const work = writeFully(fd, bytes.subarray(0, sent), from)
      .catch((error: unknown) => void (failure ??= { error }))
      .finally(() => {
        pending.delete(work)
        free.push(bytes)
      })
    pending.add(work)
  }

  /** Whether there is room in a buffer now. */
  function hasRoom(): boolean {
    if (filled < buffer.length) return true
    if (filled > 0) send()
    let next = free.pop()
    if (next === undefined && made < BUFFERS) {
      next = Buffer.allocUnsafeSlow(BUFFER_BYTES)
      made += 1
    }
    if (next === undefined) return false
    buffer = next
    return true
  }

  function take(chunk: Uint8Array): Uint8Array {
    const part = chunk.subarray(0, buffer.length - filled)
    buffer.set(part, filled)
    filled += part.length
    return chunk.subarray(part.length)
  }

  async function writeWaiting(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.length > 0;) {
      while (!hasRoom()) await Promise.race(pending)
      throwFailure()
      rest = take(rest)
    }
  }

  function throwFailure(): void {
    if (failure !== undefined) throw failure.error
  }

  return {
    write(chunk) {
      throwFailure()
      let rest = chunk
      while (rest.length > 0) {
        if (!hasRoom()) return writeWaiting(rest)
        rest = take(rest)
      }
      return undefined
    },
    async finish() {
      if (filled > 0 && failure === undefined) send()
      await Promise.all(pending)
      throwFailure()
    },
  }
}

async function writeFully(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await writeAsync(fd, bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}
