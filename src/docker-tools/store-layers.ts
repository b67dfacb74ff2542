import { DockerToolsError } from '#errors'
import { type LayerRoot, LayerWorkshop, type MeasuredLayer, measureStreamedLayer, type Owner } from '#layer'
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

/** A path whose size nobody knows is taken for a small one. */
const UNKNOWN_SIZE_BYTES = 1024 * 1024

/** Layers that come from binary caches are fetched so many ahead of the one that is written. */
const STREAMED_AHEAD = 2

/**
 * Finds all paths, then begins to measure the layers.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING`. What goes wrong later comes out of `take()`.
 */
export async function openStoreLayers(
  input: StoreLayersInput,
  mtimeSeconds: number,
  context: BuildContext,
): Promise<StoreLayers> {
  const groups: LocatedPath[][] = []
  for (const paths of input.storeLayers) {
    groups.push(await Promise.all(paths.map((path) => locatePath(path, input.preferDisk, context))))
  }
  return new MeasuredAhead(input, groups, mtimeSeconds, context)
}

class MeasuredAhead implements StoreLayers {
  readonly #owner: Owner
  readonly #mtimeSeconds: number
  readonly #workshop: LayerWorkshop
  readonly #layers: readonly Promise<MeasuredLayer>[]
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
  ) {
    this.#owner = input.owner
    this.#mtimeSeconds = mtimeSeconds
    const sizes = input.storeLayers.map((paths) => sum(paths.map((path) => input.narSize(path) ?? UNKNOWN_SIZE_BYTES)))
    const areSizesKnown = input.storeLayers.flat().every((path) => input.narSize(path) !== undefined)
    this.#workshop = new LayerWorkshop({ threads, cache, now, totalSizeHint: areSizesKnown ? sum(sizes) : Infinity })
    this.#layers = groups.map((group, index) => this.#begin(group, index, sizes[index] ?? 0))
  }

  async measured(index: number): Promise<Pick<MeasuredLayer, 'digest' | 'size'>> {
    const layer = await this.#layers[index]
    if (layer === undefined) throw new DockerToolsError('INTERNAL', `Cannot find layer ${index}`)
    return layer
  }

  async take(index: number, isNextRead: boolean): Promise<MeasuredLayer> {
    this.#turn = index
    this.#wake()
    this.#workshop.announceWriter(index, this.#settled[index] !== undefined)
    const layer = await this.#layers[index]
    this.#workshop.announceWriter(index, true)
    if (layer === undefined) throw new DockerToolsError('INTERNAL', `Cannot find layer ${index}`)
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

  #begin(group: readonly LocatedPath[], index: number, sizeHint: number): Promise<MeasuredLayer> {
    const onDisk = group.map((path) => path.onDisk).filter((root) => root !== undefined)
    const layer =
      onDisk.length === group.length
        ? this.#measureOnDisk(onDisk, index, sizeHint)
        : this.#measureStreamed(group, index)
    // Whoever takes it sees the failure; one that is never taken must not end the process.
    layer.then(
      (measured) => (this.#settled[index] = measured),
      () => undefined,
    )
    return layer
  }

  #measureOnDisk(roots: readonly LayerRoot[], index: number, sizeHint: number): Promise<MeasuredLayer> {
    return this.#workshop.measure({ roots, owner: this.#owner, mtimeSeconds: this.#mtimeSeconds }, index, sizeHint)
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
