import type { WrittenDescriptor } from '#archive'
import { type CompressionThreads, type CompressorName, getCompressor } from '#compress'
import { DockerToolsError, IntegrityError } from '#errors'
import type { Digest } from '#image'
import type { UnmeasuredLayer } from '#layer'
import type { BlobToUpload, UploadAhead } from '#registry'
import { type ByteSink, iterateWrites, Slots } from '#util'
import type { PackedCache } from './packed-cache.ts'
import type { LayerPart, StoredBlob, TakenLayer } from './image-parts.ts'
import { type BlobDraft, type BlobName, digestOfBytes, type KeptBlob } from './kept-blob.ts'
import type { BlobPusher } from './push-blobs.ts'
import { WRITTEN_AT_ONCE } from './layered-parts.ts'
import { packLayer } from './pack-layer.ts'
import { SentWhileMade, streamedFrom } from './streamed-layer.ts'

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

/** Plain layers that are read and sent at once: a registry hashes each on one core. */
const SENT_DIRECTLY_AT_ONCE = WRITTEN_AT_ONCE

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
  readonly #sending = new Slots(SENT_DIRECTLY_AT_ONCE)
  readonly #begun: Promise<WrittenDescriptor>[] = []
  readonly #done = new Map<Digest, Promise<WrittenDescriptor>>()
  readonly #names = new Map<LayerPart, Promise<BlobName | undefined>>()
  #images = 0

  constructor(pushing: LayerPushing) {
    this.#with = pushing
  }

  /** The descriptors of all layers, as soon as every layer was begun. Some may still be read, and sent. */
  async push(layers: readonly LayerPart[]): Promise<readonly Promise<WrittenDescriptor>[]> {
    const unmeasured = await this.#unmeasured(layers)
    for (const layer of layers) if (!unmeasured.has(layer)) this.#ask(layer)
    const pushed = new Map<LayerPart, Promise<WrittenDescriptor>>()
    for (const [layer, made] of unmeasured) {
      const { done } = await this.#begin((onRead) => this.#pushUnmeasured(layer, made, onRead))
      pushed.set(layer, done)
    }
    const descriptors: Promise<WrittenDescriptor>[] = []
    for (const layer of layers) descriptors.push(pushed.get(layer) ?? (await this.#pushMeasured(layer)).done)
    return descriptors
  }

  /** Waits until nothing is going on any more, however it ends. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#begun)
  }

  /**
   * The layers whose bytes are wanted whatever their digest turns out to be: those of the first image in a repository that
   * has nothing. The largest comes first: it is sent for longest.
   */
  async #unmeasured(layers: readonly LayerPart[]): Promise<ReadonlyMap<LayerPart, UnmeasuredLayer>> {
    const found = new Map<LayerPart, UnmeasuredLayer>()
    this.#images++
    if (!(await this.#mayGoAhead())) return found
    for (const layer of layers.toSorted((a, b) => (b.sizeHint ?? 0) - (a.sizeHint ?? 0))) {
      const made = await layer.make?.()
      if (made !== undefined) found.set(layer, made)
    }
    return found
  }

  async #pushMeasured(layer: LayerPart): Promise<{ readonly done: Promise<WrittenDescriptor> }> {
    const taken = await layer.take()
    const { digest } = await layer.measured()
    const known = this.#done.get(digest)
    if (known === undefined) return await this.#begin((onRead) => this.#pushOne(layer, taken, onRead), digest)
    taken.skip()
    return { done: known }
  }

  /** Once there was an image, the next one may share layers with it. */
  async #mayGoAhead(): Promise<boolean> {
    return this.#images === 1 && (await this.#with.blobs.mayGoAhead())
  }

  /** Begins to push a layer, and waits until the next one may be read; a failure ends the waiting too. */
  async #begin(
    push: (onRead: () => void) => Promise<WrittenDescriptor>,
    digest?: Digest,
  ): Promise<{ readonly done: Promise<WrittenDescriptor> }> {
    this.#with.signal.throwIfAborted()
    await this.#open.take()
    const read = Promise.withResolvers<void>()
    const done = push(read.resolve).finally(() => this.#open.release())
    done.catch((error: unknown) => this.#with.fail(error))
    this.#begun.push(done)
    if (digest !== undefined) this.#done.set(digest, done)
    await Promise.race([read.promise, done])
    return { done }
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
      await this.#sending.run(() => {
        // Others may be read and sent beside this one.
        onRead()
        return this.#pushDirectly(name, taken)
      })
      return described(name)
    }
    return described(
      await this.#pack(compressor, onRead, async (sink) => {
        await taken.writeTo(sink)
        return diffId
      }),
    )
  }

  /** A layer that is sent while it is made, compressed or not. */
  async #pushUnmeasured(layer: LayerPart, made: UnmeasuredLayer, onRead: () => void): Promise<WrittenDescriptor> {
    const compressor = this.#compressorOf(layer)
    const mediaType = this.#with.mediaType(compressor)
    const { digest, size } =
      compressor === 'none'
        ? await this.#sending.run(() => {
            onRead()
            return this.#sendUnmeasured(made)
          })
        : await this.#pack(compressor, onRead, async (sink) => (await made.writeTo(sink)).digest)
    return { mediaType, digest, size }
  }

  /** Beside the work, which is of no use without it. */
  #askForRight(): void {
    this.#with.blobs.mayPush().catch((error: unknown) => this.#with.fail(error))
  }

  async #sendUnmeasured(made: UnmeasuredLayer): Promise<BlobName> {
    this.#askForRight()
    const sent = new SentWhileMade(made, this.#with.signal)
    await using ahead = await this.#with.blobs.ahead(() => sent.open())
    await ahead?.settled()
    const { digest, size, again } = await sent.measured()
    const name = { digest, size }
    const whole = again?.()
    if (whole === undefined) throw new DockerToolsError('INTERNAL', 'Cannot read a layer a second time')
    await this.#pushDirectly(name, whole, ahead)
    return name
  }

  /** Compresses a layer, and pushes what comes out of it. */
  async #pack(
    compressor: CompressorName,
    onRead: () => void,
    write: (sink: ByteSink) => Promise<Digest>,
  ): Promise<BlobName> {
    const { blobs, cache, threads, signal } = this.#with
    this.#askForRight()
    const mayGoAhead = await this.#mayGoAhead()
    const packing = {
      draft: () => (compressor === 'none' ? Promise.resolve(cache.spool()) : cache.draft()),
      ahead: (draft: BlobDraft) => (mayGoAhead ? blobs.ahead(() => draft.follow()) : Promise.resolve(undefined)),
      compress: (plain: AsyncIterable<Uint8Array>) =>
        getCompressor(compressor).compress(plain, { threads, borrow: true }),
      write,
      signal,
      fail: (error: unknown) => this.#with.fail(error),
      onRead,
    }
    await using packed = await this.#packing.run(() => packLayer(packing))
    const { kept, diffId, ahead } = packed
    if (compressor !== 'none') await cache.remember(diffId, FORMS[compressor], kept)
    await blobs.push(kept, ahead)
    return kept
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

  /** Sends a layer as it is read. For another try it is read again. */
  async #pushDirectly(name: BlobName, taken: TakenLayer, ahead?: UploadAhead): Promise<void> {
    let isOpened = false
    const open = (offset: number): AsyncIterable<Uint8Array> => {
      const layer = isOpened ? taken.again?.() : taken
      isOpened = true
      if (layer === undefined) throw new DockerToolsError('INTERNAL', 'Cannot read a layer a second time')
      return streamedFrom(offset, layer, this.#with.signal)
    }
    await this.#with.blobs.push({ ...name, open }, ahead)
    if (!isOpened) taken.skip()
  }

  /** Reads a compressed layer once: what it decompresses to is checked, and its own digest found out. */
  async #check(stored: StoredBlob, diffId: Digest, taken: TakenLayer): Promise<KeptBlob> {
    const plain = iterateWrites(async (sink) => {
      await taken.writeTo(sink)
    })
    for await (const _ of plain) this.#with.signal.throwIfAborted()
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

/** Of a blob that is there: nobody asks for its bytes. */
function nothing(): ReturnType<BlobToUpload['open']> {
  throw new DockerToolsError('INTERNAL', 'Cannot read a blob that is in the registry')
}
