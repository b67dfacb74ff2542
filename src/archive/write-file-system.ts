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

const CHUNK_BYTES = 1024 * 1024
const SMALL_BYTES = CHUNK_BYTES / 4

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
    // Small contents go from the file into the buffer: waiting for each would take longer than reading it.
    const isWhole =
      node.size <= SMALL_BYTES
        ? output.fill(node.size, (target) => layer.readNow(target, node.bodyOffset))
        : await copyLarge(layer, node, output)
    if (!isWhole) throw changed(what)
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

async function copyLarge(
  layer: PlainLayer,
  { size, bodyOffset }: { readonly size: number; readonly bodyOffset: number },
  output: Collector,
): Promise<boolean> {
  for (let done = 0; done < size;) {
    const length = Math.min(CHUNK_BYTES, size - done)
    const chunk = await layer.read(bodyOffset + done, length)
    if (chunk.length !== length) return false
    await output.write(chunk)
    done += length
  }
  return true
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
    return this.#length > CHUNK_BYTES / 2
  }

  /** Takes what fits for certain, as there is room for half a buffer: headers and padding. */
  add(piece: Uint8Array): void {
    this.#buffer.set(piece, this.#length)
    this.#length += piece.length
    this.size += piece.length
  }

  /** Takes up to `SMALL_BYTES` from whoever writes them into the buffer; false if they are fewer. */
  fill(length: number, read: (target: Uint8Array) => number): boolean {
    if (length === 0) return true
    const isWhole = read(this.#buffer.subarray(this.#length, this.#length + length)) === length
    this.#length += length
    this.size += length
    return isWhole
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.flush()
    this.size += chunk.length
    await this.#sink.write(chunk)
  }

  async flush(): Promise<void> {
    if (this.#length > 0) await this.#sink.write(this.#buffer.subarray(0, this.#length))
    this.#length = 0
  }
}

function changed(what: string): DockerToolsError {
  return new DockerToolsError('FILE_CHANGED', `Cannot read ${what}: it is shorter than it was when it was listed`)
}
