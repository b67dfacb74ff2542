import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { DockerToolsError } from '#errors'
import type { Store, StorePath } from '#store'
import { makeTempDir } from '#util'

/** A file on disk that may go away with its owner. */
export interface FileOnDisk extends AsyncDisposable {
  readonly path: string
}

/**
 * The file that a store path is, on disk: where it is, or, where it comes from a
 * binary cache, in a temporary place.
 *
 * @param argument Names it in errors, for example `fromImage`.
 * @throws {DockerToolsError} `FILE_TYPE_UNSUPPORTED` if the path is no file.
 */
export async function fileOfStorePath(path: StorePath, argument: string, store: Store): Promise<FileOnDisk> {
  const real = await store.realPath(path)
  if (real !== undefined) return { path: real, [Symbol.asyncDispose]: () => Promise.resolve() }
  const scratch = await makeTempDir('file-')
  try {
    const file = join(scratch.path, 'file')
    for await (const entry of store.entries(path)) {
      if (entry.type !== 'file') {
        throw new DockerToolsError(
          'FILE_TYPE_UNSUPPORTED',
          `Cannot use "${path}" in ${argument}: it is a ${entry.type}`,
        )
      }
      await pipeline(entry.open(), createWriteStream(file))
    }
    return { path: file, [Symbol.asyncDispose]: () => Promise.resolve(scratch[Symbol.asyncDispose]()) }
  } catch (error) {
    await scratch[Symbol.asyncDispose]()
    throw error
  }
}
