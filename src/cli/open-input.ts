import { constants, createReadStream, fstatSync, openSync, statSync } from 'node:fs'
import { Socket } from 'node:net'

/** What names standard input, or a descriptor that whoever started us has left open. */
const DESCRIPTOR = /^(?:\/dev\/fd|\/proc\/self\/fd)\/(\d{1,9})$|^\/dev\/stdin$/

/**
 * Opens what the command line names for reading, once: a pipe has its content one time only. A FIFO that nobody writes
 * to is waited for outside of the system's threads, where a signal could not end it.
 *
 * Errors are the system's, some while it is read.
 */
export function openInput(path: string): AsyncIterable<Buffer> {
  const match = DESCRIPTOR.exec(path)
  const descriptor = match === null ? undefined : Number(match[1] ?? 0)
  if (descriptor === 0) return process.stdin
  // A socket cannot be opened by its name.
  if (descriptor !== undefined && isPipe(() => fstatSync(descriptor))) return pipe(descriptor)
  if (isPipe(() => statSync(path))) return pipe(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
  return createReadStream(path)
}

/** Whether a path leads to an open descriptor: it says nothing of where the content is from. */
export function isDescriptor(path: string): boolean {
  return DESCRIPTOR.test(path) || /^\/proc\/[^/]+\/fd\//.test(path)
}

function isPipe(stat: () => ReturnType<typeof statSync>): boolean {
  try {
    const stats = stat()
    return stats?.isFIFO() === true || stats?.isSocket() === true
  } catch {
    // Whoever opens it is told what is wrong.
    return false
  }
}

function pipe(fd: number): AsyncIterable<Buffer> {
  return new Socket({ fd, readable: true, writable: false })
}
