import type { WrittenDescriptor } from '#archive'
import { type CompressionThreads, type CompressorName, getCompressor } from '#compress'
import { DockerToolsError, IntegrityError } from '#errors'
import type { Digest } from '#image'
import type { BlobToUpload } from '#registry'
import { copyTo, iterateWrites, Slots } from '#util'
import type { PackedCache } from './packed-cache.ts'
import type { LayerPart, StoredBlob, TakenLayer } from './image-parts.ts'
import { type BlobName, digestOfBytes, type KeptBlob } from './kept-blob.ts'
import type { BlobPusher } from './push-blobs.ts'
import { streamedFrom } from './streamed-layer.ts'

/** What layers are pushed with. */
export interface LayerPushing {
  readonly blobs: BlobPusher
  readonly cache: PackedCache
  readonly threads: CompressionThreads
  /** Undefined leaves it to the image, leaves compressed layers as they are, and makes gzip of the others. */
  readonly compress: CompressorName | undefined
  /** What layers are called. @throws {DockerToolsError} where they cannot be so. */
  mediaType(compressor: CompressorName): string
  /** Fires when some of the work has failed. */
  readonly signal: AbortSignal
  fail(error: unknown): void
}

/** Layers that are compressed at once, so that the end of one and the start of the next meet on the same cores. */
const PACKED_AT_ONCE = 2

/** Layers that are on their way: what waits to be uploaded is in memory or an open file. */
const OPEN_AT_ONCE = 8

/** The bytes of a layer compressed by what we are today; a change of it would be another form. */
const FORMS: Readonly<Record<'gz' | 'zstd', string>> = { gz: 'gz-1', zstd: 'zstd-1' }

/** A layer that stood compressed in an archive, and was found to be what it should be. */
const STORED_FORM = 'stored'

/** Brings the layers of images into a registry: what is there is not read, what was compressed once is not again. */
export class LayerPusher {
  readonly #with: LayerPushing
  readonly #packing = new Slots(PACKED_AT_ONCE)
  readonly #open = new Slots(OPEN_AT_ONCE)
  readonly #done = new Map<Digest, Promise<WrittenDescriptor>>()
  readonly #names = new Map<LayerPart, Promise<BlobName | undefined>>()

  constructor(pushing: LayerPushing) {
    this.#with = pushing
  }

  /** The descriptors of all layers, as soon as every layer was read. Uploads may still be going on. */
  async push(layers: readonly LayerPart[]): Promise<readonly Promise<WrittenDescriptor>[]> {
    for (const layer of layers) this.#ask(layer)
    const descriptors: Promise<WrittenDescriptor>[] = []
    for (const layer of layers) {
      this.#with.signal.throwIfAborted()
      const taken = await layer.take()
      const { digest } = await layer.measured()
      const known = this.#done.get(digest)
      if (known !== undefined) {
        taken.skip()
        descriptors.push(known)
        continue
      }
      await this.#open.take()
      const read = Promise.withResolvers<void>()
      const done = this.#pushOne(layer, taken, read.resolve).finally(() => this.#open.release())
      done.catch((error: unknown) => this.#with.fail(error))
      this.#done.set(digest, done)
      descriptors.push(done)
      // Layers are read one after the other; a failure ends the waiting too.
      await Promise.race([read.promise, done])
    }
    return descriptors
  }

  /** Waits until nothing is going on any more, however it ends. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#done.values())
  }

  /** Asks for what is known to be wanted, ahead of its turn. What fails here fails again when it is asked for. */
  #ask(layer: LayerPart): void {
    const asking = async (): Promise<void> => {
      const { digest, size } = await layer.measured()
      const name = await this.#nameOf(layer, digest, size)
      if (name !== undefined) await this.#with.blobs.isThere(name)
    }
    asking().catch(() => undefined)
  }

  async #pushOne(layer: LayerPart, taken: TakenLayer, onRead: () => void): Promise<WrittenDescriptor> {
    const { digest: diffId, size } = await layer.measured()
    const compressor = this.#compressorOf(layer)
    const mediaType = this.#with.mediaType(compressor)
    const described = ({ digest, size: bytes }: BlobName): WrittenDescriptor => ({ mediaType, digest, size: bytes })
    const name = await this.#nameOf(layer, diffId, size)
    if (name !== undefined && (await this.#with.blobs.isThere(name))) {
      taken.skip()
      onRead()
      await this.#with.blobs.push({ ...name, open: nothing })
      return described(name)
    }
    const again = await this.#reread(layer, name)
    if (again !== undefined) {
      await using _owned = again
      taken.skip()
      onRead()
      await this.#pushKept(again, name)
      return described(again)
    }
    if (isKeptAsStored(layer, compressor)) {
      await using checked = await this.#check(layer.stored, diffId, taken)
      onRead()
      await this.#with.blobs.push(checked)
      return described(checked)
    }
    if (compressor === 'none' && name !== undefined && taken.again !== undefined) {
      await this.#pushDirectly(name, taken, onRead)
      return described(name)
    }
    // Beside the work, which is of no use without it.
    this.#with.blobs.mayPush().catch((error: unknown) => this.#with.fail(error))
    await using kept = await this.#packing.run(() => this.#pack(compressor, diffId, taken, onRead))
    await this.#with.blobs.push(kept)
    return described(kept)
  }

  /** What the layer is called in the registry, where that is known without reading it. */
  #nameOf(layer: LayerPart, diffId: Digest, size: number | undefined): Promise<BlobName | undefined> {
    const name = this.#names.get(layer) ?? this.#findName(layer, diffId, size)
    this.#names.set(layer, name)
    return name
  }

  async #findName(layer: LayerPart, diffId: Digest, size: number | undefined): Promise<BlobName | undefined> {
    const compressor = this.#compressorOf(layer)
    if (compressor === 'none') return size === undefined ? undefined : { digest: diffId, size }
    if (!isKeptAsStored(layer, compressor)) return await this.#with.cache.recall(diffId, FORMS[compressor])
    const known = await this.#with.cache.recall(diffId, STORED_FORM)
    const { stored } = layer
    const isSame = known?.size === stored.size && (stored.digest === undefined || stored.digest === known.digest)
    return isSame ? known : undefined
  }

  /** The bytes of a layer that need no work any more. */
  async #reread(layer: LayerPart, name: BlobName | undefined): Promise<KeptBlob | undefined> {
    if (name === undefined) return undefined
    const compressor = this.#compressorOf(layer)
    const source = compressor === 'none' ? layer.plain : isKeptAsStored(layer, compressor) ? layer.stored : undefined
    if (source === undefined) return compressor === 'none' ? undefined : await this.#with.cache.open(name)
    return { ...source, digest: name.digest, [Symbol.asyncDispose]: () => Promise.resolve() }
  }

  async #pushKept(blob: KeptBlob, name: BlobName | undefined): Promise<void> {
    try {
      await this.#with.blobs.push(blob)
    } catch (error) {
      // What was kept is not what it was: the next push makes it again.
      if (error instanceof IntegrityError && name !== undefined) await this.#with.cache.forget(name.digest)
      throw error
    }
  }

  /** Sends a layer as it is made. For another try it is made again. */
  async #pushDirectly(name: BlobName, taken: TakenLayer, onRead: () => void): Promise<void> {
    let isOpened = false
    const open = (offset: number): AsyncIterable<Uint8Array> => {
      const layer = isOpened ? taken.again?.() : taken
      isOpened = true
      if (layer === undefined) throw new DockerToolsError('INTERNAL', 'Cannot read a layer a second time')
      return streamedFrom(offset, layer, this.#with.signal, onRead)
    }
    await this.#with.blobs.push({ ...name, open })
    if (!isOpened) taken.skip()
    onRead()
  }

  async #pack(compressor: CompressorName, diffId: Digest, taken: TakenLayer, onRead: () => void): Promise<KeptBlob> {
    const { cache, threads, signal } = this.#with
    await using draft = compressor === 'none' ? cache.spool() : await cache.draft()
    const plain = iterateWrites(async (sink) => {
      await taken.writeTo(sink)
    })
    const source = stoppable(plain, signal, onRead)
    await copyTo(getCompressor(compressor).compress(source, { threads, borrow: true }), draft)
    const kept = await draft.finish()
    if (compressor !== 'none') await cache.remember(diffId, FORMS[compressor], kept)
    return kept
  }

  /** Reads a compressed layer once: what it decompresses to is checked, and its own digest found out. */
  async #check(stored: StoredBlob, diffId: Digest, taken: TakenLayer): Promise<KeptBlob> {
    const plain = iterateWrites(async (sink) => {
      await taken.writeTo(sink)
    })
    for await (const _ of stoppable(plain, this.#with.signal, () => undefined));
    const digest = stored.digest ?? (await digestOfBytes(stored))
    await this.#with.cache.remember(diffId, STORED_FORM, { digest, size: stored.size })
    return { ...stored, digest, [Symbol.asyncDispose]: () => Promise.resolve() }
  }

  #compressorOf({ preferred, stored }: LayerPart): CompressorName {
    return this.#with.compress ?? preferred ?? stored?.compressor ?? 'gz'
  }
}

function isKeptAsStored(
  layer: LayerPart,
  compressor: CompressorName,
): layer is LayerPart & { readonly stored: StoredBlob } {
  return layer.stored !== undefined && layer.stored.compressor === compressor
}

async function* stoppable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    signal.throwIfAborted()
    yield chunk
  }
  onEnd()
}

/** Of a blob that is there: nobody asks for its bytes. */
function nothing(): ReturnType<BlobToUpload['open']> {
  throw new DockerToolsError('INTERNAL', 'Cannot read a blob that is in the registry')
}
