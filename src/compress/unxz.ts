import type { Peekable } from './peekable.ts'
import { brokenStream, truncatedStream } from './stream-error.ts'
import { unxzInWorker } from './unxz-in-worker.ts'
import { unxzWithProgram } from './unxz-with-program.ts'

const XZ_MAGIC = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])

/**
 * Decompresses every stream of an xz file: with the `xz` program where there is
 * one, since it is twice as fast, else in a worker thread.
 *
 * @param program The program's name or path.
 * @throws {DockerToolsError} `TRUNCATED`, `FORMAT_INVALID`; `FORMAT_UNSUPPORTED`
 *   for filters and checks the worker does not know (the program knows all);
 *   `LIMIT_EXCEEDED` for a dictionary of more than `maxWindowBytes`.
 */
export async function* unxz(source: Peekable, maxWindowBytes: number, program = 'xz'): AsyncGenerator<Uint8Array> {
  const magic = await source.peek(XZ_MAGIC.length)
  if (!XZ_MAGIC.subarray(0, magic.length).equals(magic))
    throw brokenStream('xz', 'it does not start with the magic number')
  if (magic.length < XZ_MAGIC.length) throw truncatedStream('xz')
  const output = await unxzWithProgram(source, maxWindowBytes, program)
  yield* output ?? unxzInWorker(source, maxWindowBytes)
}
