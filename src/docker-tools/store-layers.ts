import { DockerToolsError } from '#errors'
import {
  type LayerRoot,
  LayerWorkshop,
  type MeasuredLayer,
  measureStreamedLayer,
  type Owner,
  type StoreLayerSpec,
  type UnmeasuredLayer,
} from '#layer'
import type { BuildContext } from './build-context.ts'
import { type LocatedPath, locatePath } from './locate-path.ts'

/** The store layers of an image, measured ahead of their turn. */
export interface StoreLayers extends AsyncDisposable {
  /**
   * The layer at `index`, when it is measured. Layers are taken in order, each once.
   *
   * @param isNextRead Whether the layer after it will be written too: then it is read ahead, and may not be skipped.
   */
  take(index: number, isNextRead: boolean): Promise<MeasuredLayer>
  /** Digest and size of the layer at `index`, as soon as they are known; some are only once it is the layer's turn. */
  measured(index: number): Promise<Pick<MeasuredLayer, 'digest' | 'size'>>
  /**
   * The layer at `index`, to be measured while it is written, in place of `take`. Undefined where its digest is known or
   * being found out already.
   */
  make(index: number): Promise<UnmeasuredLayer | undefined>
  /** About how many bytes the layer at `index` has. */
  sizeHint(index: number): number
}

/** What the layers are made of. */
export interface StoreLayersInput {
  /** Groups of store paths, lowest layer first. */
  readonly storeLayers: readonly (readonly string[])[]
  readonly owner: Owner
  /** Whether what is on disk at a path itself goes before what the stores have. */
  readonly preferDisk: boolean
  /** Bytes of a path's NAR where they are known. */
  narSize(path: string): number | undefined
}

/** How layers are measured. */
export interface StoreLayersOptions {
  /** Whether a layer is measured only when somebody asks for it. Default: all are, from the start. */
  readonly isLazy?: boolean
  /** Layers that are written at once. Default: 1. */
  readonly writers?: number
}

/** A path whose size nobody knows is taken for a small one. */
const UNKNOWN_SIZE_BYTES = 1024 * 1024

/** Layers that come from binary caches are fetched so many ahead of the one that is written. */
const STREAMED_AHEAD = 2

/**
 * Finds all paths, then begins to measure the layers, unless that is to wait.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING`. What goes wrong later comes out of `take()`.
 */
export async function openStoreLayers(
  input: StoreLayersInput,
  mtimeSeconds: number,
  context: BuildContext,
  options: StoreLayersOptions = {},
): Promise<StoreLayers> {
  const groups: LocatedPath[][] = []
  for (const paths of input.storeLayers) {
    groups.push(await Promise.all(paths.map((path) => locatePath(path, input.preferDisk, context))))
  }
  return new MeasuredAhead(input, groups, mtimeSeconds, context, options)
}

class MeasuredAhead implements StoreLayers {
  readonly #owner: Owner
  readonly #mtimeSeconds: number
  readonly #workshop: LayerWorkshop
  readonly #groups: readonly (readonly LocatedPath[])[]
  readonly #sizes: readonly number[]
  readonly #layers: (Promise<MeasuredLayer> | undefined)[] = []
  readonly #settled: (MeasuredLayer | undefined)[] = []
  readonly #held = new Set<AsyncDisposable>()
  #wakers: (() => void)[] = []
  #turn = 0
  #isDisposed = false

  constructor(
    input: StoreLayersInput,
    groups: readonly (readonly LocatedPath[])[],
    mtimeSeconds: number,
    { threads, cache, now }: BuildContext,
    { isLazy = false, writers = 1 }: StoreLayersOptions,
  ) {
    this.#owner = input.owner
    this.#mtimeSeconds = mtimeSeconds
    const sizes = input.storeLayers.map((paths) => sum(paths.map((path) => input.narSize(path) ?? UNKNOWN_SIZE_BYTES)))
    const areSizesKnown = input.storeLayers.flat().every((path) => input.narSize(path) !== undefined)
    const totalSizeHint = areSizesKnown ? sum(sizes) : Infinity
    this.#workshop = new LayerWorkshop({ threads, writers, cache, now, totalSizeHint })
    this.#groups = groups
    this.#sizes = sizes
    if (!isLazy) for (const index of groups.keys()) void this.#layer(index)
  }

  async measured(index: number): Promise<Pick<MeasuredLayer, 'digest' | 'size'>> {
    return await this.#layer(index)
  }

  sizeHint(index: number): number {
    return this.#sizes[index] ?? 0
  }

  async make(index: number): Promise<UnmeasuredLayer | undefined> {
    const roots = onDiskOf(this.#groups[index] ?? [])
    if (this.#layers[index] !== undefined || roots === undefined) return undefined
    const layer = await this.#workshop.make(this.#specOf(roots))
    if (layer === undefined || this.#layers[index] !== undefined) return undefined
    const made = Promise.withResolvers<MeasuredLayer>()
    made.promise.catch(() => undefined)
    this.#layers[index] = made.promise
    return {
      writeTo: async (sink) => {
        try {
          const measured = await layer.writeTo(sink)
          made.resolve(measured)
          return measured
        } catch (error) {
          made.reject(error)
          throw error
        }
      },
    }
  }

  async take(index: number, isNextRead: boolean): Promise<MeasuredLayer> {
    this.#turn = index
    this.#wake()
    this.#workshop.announceWriter(index, this.#settled[index] !== undefined)
    const layer = await this.#layer(index)
    this.#workshop.announceWriter(index, true)
    return {
      ...layer,
      writeTo: async (sink) => {
        layer.prepare()
        // The next one can be read while this one is written.
        if (isNextRead) this.#settled[index + 1]?.prepare()
        await layer.writeTo(sink)
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#wake()
    await this.#workshop[Symbol.asyncDispose]()
    await Promise.all([...this.#held].map((held) => held[Symbol.asyncDispose]()))
  }

  /** The layer at `index`, which begins to be measured where it was not before. */
  #layer(index: number): Promise<MeasuredLayer> {
    const layer = this.#layers[index] ?? this.#begin(index)
    this.#layers[index] = layer
    return layer
  }

  #begin(index: number): Promise<MeasuredLayer> {
    const group = this.#groups[index]
    if (group === undefined) return Promise.reject(new DockerToolsError('INTERNAL', `Cannot find layer ${index}`))
    const roots = onDiskOf(group)
    const layer =
      roots === undefined
        ? this.#measureStreamed(group, index)
        : this.#workshop.measure(this.#specOf(roots), index, this.#sizes[index] ?? 0)
    // Whoever takes it sees the failure; one that is never taken must not end the process.
    layer.then(
      (measured) => (this.#settled[index] = measured),
      () => undefined,
    )
    return layer
  }

  #specOf(roots: readonly LayerRoot[]): StoreLayerSpec {
    return { roots, owner: this.#owner, mtimeSeconds: this.#mtimeSeconds }
  }

  async #measureStreamed(group: readonly LocatedPath[], index: number): Promise<MeasuredLayer> {
    while (index > this.#turn + STREAMED_AHEAD && !this.#isDisposed) {
      await new Promise<void>((resolve) => this.#wakers.push(resolve))
    }
    if (this.#isDisposed) throw new DockerToolsError('INTERRUPTED', 'Cannot measure a layer: the work was stopped')
    const roots = group.map((path) => path.streamed)
    const layer = await measureStreamedLayer({ roots, owner: this.#owner, mtimeSeconds: this.#mtimeSeconds })
    if (this.#isDisposed) await layer[Symbol.asyncDispose]()
    else this.#held.add(layer)
    return layer
  }

  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }
}

/** Where the paths are, if all of them are on disk. */
function onDiskOf(group: readonly LocatedPath[]): readonly LayerRoot[] | undefined {
  const onDisk = group.map((path) => path.onDisk).filter((root) => root !== undefined)
  return onDisk.length === group.length ? onDisk : undefined
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
