import { DockerToolsError } from '#errors'
import { type ByteString, byteStringToText } from '#util'

/** What the name of a layer's member means. `parts` is empty for the root. */
export interface LayerPath {
  /** `ignored` is what AUFS kept for itself. */
  readonly type: 'entry' | 'whiteout' | 'opaque' | 'ignored'
  /** The file itself, the file that is hidden, or the directory whose lower content is hidden. */
  readonly parts: readonly ByteString[]
}

const WHITEOUT_PREFIX = '.wh.'
const OPAQUE_MARKER = '.wh..wh..opq'
const AUFS_PREFIX = '.wh..wh.'

/**
 * Reads a name as layers have them. A slash at the start means the root, as it does for tar and Docker.
 *
 * @throws {DockerToolsError} `PATH_UNSAFE` for a name with `..` in it, and for a whiteout of `.` or `..`;
 *   `FORMAT_INVALID` for a whiteout of nothing, and for what is below a whiteout.
 */
export function layerPath(name: ByteString, what: string): LayerPath {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.') as ByteString[]
  if (parts.includes('..' as ByteString)) throw unsafe(name, what, 'has ".." in it')
  const folder = parts.slice(0, -1)
  const last = parts.at(-1)
  if (last === OPAQUE_MARKER) return { type: 'opaque', parts: folder }
  if (parts.some((part) => part.startsWith(AUFS_PREFIX))) return { type: 'ignored', parts }
  if (folder.some((part) => part.startsWith(WHITEOUT_PREFIX))) throw broken(name, what, 'is below a whiteout')
  if (last === undefined || !last.startsWith(WHITEOUT_PREFIX)) return { type: 'entry', parts }
  const hidden = last.slice(WHITEOUT_PREFIX.length) as ByteString
  if (hidden === '.' || hidden === '..') throw unsafe(name, what, `would hide "${hidden}"`)
  if (hidden === '') throw broken(name, what, 'is a whiteout, and should say of what')
  return { type: 'whiteout', parts: [...folder, hidden] }
}

function unsafe(name: ByteString, what: string, reason: string): DockerToolsError {
  return new DockerToolsError('PATH_UNSAFE', `Cannot read ${what}: the name "${byteStringToText(name)}" ${reason}`)
}

function broken(name: ByteString, what: string, reason: string): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot read ${what}: "${byteStringToText(name)}" ${reason}`)
}
