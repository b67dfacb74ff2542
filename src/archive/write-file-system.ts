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

const WINDOW_BYTES = 256 * 1024
const CHUNK_BYTES = 1024 * 1024

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
  const bodies: BodyReader[] = []
  for (const layer of image.layers) {
    signal?.throwIfAborted()
    const members: IndexedTarMember[] = []
    const plain = stack.use(await scanLayer(layer, what, limits, (member) => void members.push(member)))
    tree.apply(members, `layer "${layer.name}" of ${what}`)
    bodies.push(new BodyReader(plain))
  }
  const output = new Collector(sink)
  for (const { path, node } of tree.entries()) {
    if (output.isFull()) {
      await output.flush()
      signal?.throwIfAborted()
    }
    output.add(encodeHeader(headerOf({ path, node }), 'gnu'))
    if (node.type !== 'file') continue
    for (let done = 0; done < node.size;) {
      const length = Math.min(CHUNK_BYTES, node.size - done)
      const body = bodies[node.layer]
      const chunk = body?.peek(node.bodyOffset + done, length) ?? (await body?.read(node.bodyOffset + done, length))
      if (chunk?.length !== length) throw changed(what)
      await output.write(chunk)
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

/** Reads contents of one layer, a little ahead: small files mostly stand in the order they are asked for. */
class BodyReader {
  readonly #layer: PlainLayer
  #window: Uint8Array = new Uint8Array(0)
  #start = 0

  constructor(layer: PlainLayer) {
    this.#layer = layer
  }

  /** The bytes, where they have been read already. */
  peek(offset: number, length: number): Uint8Array | undefined {
    const from = offset - this.#start
    return from >= 0 && from + length <= this.#window.length ? this.#window.subarray(from, from + length) : undefined
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (length >= WINDOW_BYTES) return await this.#layer.read(offset, length)
    this.#window = await this.#layer.read(offset, WINDOW_BYTES)
    this.#start = offset
    return this.#window.subarray(0, length)
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
    return this.#length > CHUNK_BYTES / 2
  }

  /** Takes what fits for certain: headers and padding. */
  add(piece: Uint8Array): void {
    this.#buffer.set(piece, this.#length)
    this.#length += piece.length
    this.size += piece.length
  }

  async write(chunk: Uint8Array): Promise<void> {
    const isSmall = chunk.length <= CHUNK_BYTES / 4
    if (!isSmall || this.#length + chunk.length > CHUNK_BYTES / 2) await this.flush()
    if (isSmall) {
      this.add(chunk)
      return
    }
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
