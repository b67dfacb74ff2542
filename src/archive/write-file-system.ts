import { setImmediate } from 'node:timers/promises'
import { encodeHeader, endOfArchive, paddingLength, TAR_BLOCK_BYTES, type TarHeader } from '#tar'
import { type ByteSink, type ByteString, toByteString } from '#util'
import type { ImageLimits } from './image-limits.ts'
import { type MergedEntry, MergedTree } from './merged-tree.ts'
import { type PlainLayer, scanLayer } from './scan-layer.ts'
import type { StoredImage } from './stored-image.ts'
import { DockerToolsError } from '#errors'
import type { IndexedTarMember } from '#tar'

/** 1980-01-01, the time that the original gives every file. */
const MTIME_SECONDS = 315_532_800

const CHUNK_BYTES = 2 * 1024 * 1024

/** No header is longer: names and link targets are limited to 64 KiB each. */
const HEADER_BYTES = 512 * 1024
/** What is taken at once; as much has to be free. */
const PIECE_BYTES = CHUNK_BYTES / 2

/**
 * Writes the file system that an image's layers make as one tar, as GNU tar
 * does with `--hard-dereference --sort=name --mtime=@315532800`.
 *
 * Every layer is read once and checked before the first byte is written.
 * Contents are then read where they are; nothing is unpacked.
 *
 * @returns Bytes written.
 * @throws {DockerToolsError} as `MergedTree.apply`, and as the readers of tars and compressed streams.
 * @throws {IntegrityError} `DIGEST_MISMATCH`.
 */
export async function writeFileSystem(
  image: StoredImage,
  what: string,
  limits: ImageLimits,
  sink: ByteSink,
  signal?: AbortSignal,
): Promise<number> {
  await using stack = new AsyncDisposableStack()
  const tree = new MergedTree()
  const layers: PlainLayer[] = []
  for (const layer of image.layers) {
    signal?.throwIfAborted()
    const members: IndexedTarMember[] = []
    const plain = stack.use(await scanLayer(layer, what, limits, (member) => void members.push(member)))
    tree.apply(members, `layer "${layer.name}" of ${what}`)
    layers.push(plain)
  }
  const output = new Collector(sink)
  for (const { path, node } of tree.entries()) {
    if (output.isFull()) {
      await output.flush()
      signal?.throwIfAborted()
    }
    output.add(encodeHeader(headerOf({ path, node }), 'gnu'))
    if (node.type !== 'file') continue
    const layer = layers[node.layer]
    if (layer === undefined) throw new DockerToolsError('INTERNAL', `Cannot find layer ${node.layer}`)
    for (let done = 0; done < node.size;) {
      if (output.isFull()) await output.flush()
      const offset = node.bodyOffset + done
      const length = Math.min(PIECE_BYTES, node.size - done)
      // Straight from the file into the buffer: waiting for each read would take longer than reading.
      if (!output.fill(length, (target) => layer.readNow(target, offset))) throw changed(what)
      done += length
    }
    output.add(PADDING.subarray(0, paddingLength(node.size)))
  }
  output.add(endOfArchive(output.size))
  await output.flush()
  return output.size
}

const PADDING = new Uint8Array(TAR_BLOCK_BYTES)

const ROOT_NAME = toByteString('root')
const NO_NAME = toByteString('')

function headerOf({ path, node }: MergedEntry): TarHeader {
  const { mode, uid, gid } = node
  return {
    ...node,
    mode,
    path: (path === '' ? '.' : `./${path}`) as ByteString,
    uname: uid === 0 ? ROOT_NAME : NO_NAME,
    gname: gid === 0 ? ROOT_NAME : NO_NAME,
    mtimeSeconds: MTIME_SECONDS,
  }
}

/** Gathers small pieces, so that the sink is not called for each. */
class Collector {
  size = 0
  readonly #sink: ByteSink
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  #length = 0

  constructor(sink: ByteSink) {
    this.#sink = sink
  }

  isFull(): boolean {
    return this.#length > CHUNK_BYTES - PIECE_BYTES - HEADER_BYTES
  }

  /** Takes what fits for certain, as there is room: headers and padding. */
  add(piece: Uint8Array): void {
    this.#buffer.set(piece, this.#length)
    this.#length += piece.length
    this.size += piece.length
  }

  /** Takes up to `PIECE_BYTES` from whoever writes them into the buffer; false if they are fewer. */
  fill(length: number, read: (target: Uint8Array) => number): boolean {
    const isWhole = read(this.#buffer.subarray(this.#length, this.#length + length)) === length
    this.#length += length
    this.size += length
    return isWhole
  }

  async flush(): Promise<void> {
    if (this.#length > 0) await this.#sink.write(this.#buffer.subarray(0, this.#length))
    this.#length = 0
    // An interrupt is heard only where the loop of events is reached.
    await setImmediate()
  }
}

function changed(what: string): DockerToolsError {
  return new DockerToolsError('FILE_CHANGED', `Cannot read ${what}: it is shorter than it was when it was listed`)
}
