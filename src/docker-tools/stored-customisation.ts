import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DockerToolsError } from '#errors'
import { type Content, parseDigest } from '#image'
import type { StorePath } from '#store'
import type { BuildContext } from './build-context.ts'
import type { CustomisationLayer } from './customisation-layer.ts'

const READ_AT_ONCE_BYTES = 1024 * 1024

/** The customisation layer that a store has on disk already, or undefined. */
export async function storedCustomisation(
  path: StorePath,
  { store }: BuildContext,
): Promise<CustomisationLayer | undefined> {
  if (!(await store.has(path))) return undefined
  const folder = await store.realPath(path)
  if (folder === undefined) return undefined
  const content = await openCustomisation(folder)
  const { references } = await store.pathInfo(path)
  return { content, references, [Symbol.asyncDispose]: () => Promise.resolve() }
}

/** The layer in a folder with `layer.tar` and `checksum`, as upstream has it. Its digest is checked when it is written. */
export async function openCustomisation(folder: string): Promise<Content> {
  const file = join(folder, 'layer.tar')
  const checksum = await readFile(join(folder, 'checksum'), 'utf8')
  const { size } = await stat(file)
  return {
    digest: parseChecksum(checksum),
    size,
    open: () => createReadStream(file, { highWaterMark: READ_AT_ONCE_BYTES }),
  }
}

/** @throws {DockerToolsError} `FORMAT_INVALID`. */
export function parseChecksum(text: string): Content['digest'] {
  const checksum = text.trim()
  if (checksum.length === 64) return parseDigest(`sha256:${checksum}`)
  // Upstream's text, with the dollar sign that its f-string left in.
  throw new DockerToolsError('FORMAT_INVALID', 'Invalid sha256 at $PATH.')
}
