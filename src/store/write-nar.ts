import { DockerToolsError } from '#errors'
import type { TreeEntry } from '#tree'
import { byteStringToText } from '#util'
import { NarEncoder } from './nar-encoder.ts'

/** What stands between bodies is gathered up to this size, so that a tree of small files gives few chunks. */
const GATHER_BYTES = 65_536
/** Bodies in pieces of at least this size are passed on without a copy. */
const PASS_ON_BYTES = 4096

/**
 * Writes a tree as a NAR, the archive format that Nix hashes.
 *
 * Of the modes, only whether the owner may execute a file counts.
 *
 * @param entries The root first with the path `''`, each directory followed
 *   by what is in it, siblings in byte order.
 * @throws {DockerToolsError} `FILE_TYPE_UNSUPPORTED` for a device, FIFO or
 *   socket; `FILE_CHANGED` if a body does not have its size; `INTERNAL` if
 *   entries come in another order.
 * @see nix `src/libutil/archive.cc`, `dump`
 */
export async function* writeNar(entries: AsyncIterable<TreeEntry> | Iterable<TreeEntry>): AsyncGenerator<Uint8Array> {
  const encoder = new NarEncoder()
  let gathered: Uint8Array[] = []
  let gatheredBytes = 0
  for await (const piece of pieces(entries, encoder)) {
    gathered.push(piece)
    gatheredBytes += piece.length
    if (gatheredBytes < GATHER_BYTES && piece.length < PASS_ON_BYTES) continue
    const small = piece.length < PASS_ON_BYTES ? gathered : gathered.slice(0, -1)
    if (small.length > 0) yield Buffer.concat(small)
    if (piece.length >= PASS_ON_BYTES) yield piece
    gathered = []
    gatheredBytes = 0
  }
  if (gathered.length > 0) yield Buffer.concat(gathered)
}

async function* pieces(
  entries: AsyncIterable<TreeEntry> | Iterable<TreeEntry>,
  encoder: NarEncoder,
): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) {
    yield encoder.head(entry)
    if (entry.type === 'file') yield* checkedBody(entry)
    yield encoder.tail(entry)
  }
  yield encoder.end()
}

async function* checkedBody(file: Extract<TreeEntry, { type: 'file' }>): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of file.open()) {
    size += chunk.length
    if (size > file.size) break
    yield chunk
  }
  if (size === file.size) return
  const found = size > file.size ? 'more' : `${size}`
  throw new DockerToolsError(
    'FILE_CHANGED',
    `Cannot write NAR: "${byteStringToText(file.path)}" gave ${found} bytes, it should have ${file.size}`,
  )
}
