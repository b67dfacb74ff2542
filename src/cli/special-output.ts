import { closeSync, constants, openSync, write } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { systemErrorCode } from '#errors'
import type { OutputTarget } from './output-target.ts'
import { type EndedSink, pipeSink } from './pipe-sink.ts'

/** How long to wait between two looks for a reader. */
const RETRY_MS = 20

const writeAsync = promisify(write)

/** Opens a FIFO or a device for writing. Errors are the system's. */
export async function openSpecialOutput(
  target: Extract<OutputTarget, { readonly kind: 'fifo' | 'device' }>,
): Promise<EndedSink> {
  return target.kind === 'fifo'
    ? pipeSink(await openFifo(target.path))
    : deviceSink(openSync(target.path, constants.O_WRONLY | constants.O_NOCTTY))
}

/** Waits for a reader. A thread that waited inside the system could not be ended by a signal. */
async function openFifo(path: string): Promise<number> {
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if (systemErrorCode(error) !== 'ENXIO') throw error
    }
    await sleep(RETRY_MS)
  }
}

/** Devices have no positions, or begin where they are. */
function deviceSink(fd: number): EndedSink {
  return {
    async write(chunk) {
      for (let done = 0; done < chunk.length;) {
        const { bytesWritten } = await writeAsync(fd, chunk, done, chunk.length - done, null)
        done += bytesWritten
      }
    },
    end: () => Promise.resolve(closeSync(fd)),
    discard: () => closeSync(fd),
  }
}
