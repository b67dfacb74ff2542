import { report } from '#events'
import type { Digest } from '#image'
import { type PackedMember, packMembers } from '#layer'
import { closure, type StorePath } from '#store'
import type { ByteString } from '#util'
import { baseLayerFiles, NameListing } from './base-layer-files.ts'
import type { BuildContext } from './build-context.ts'
import { closureMembers } from './closure-members.ts'
import { findKnownReferences } from './find-references.ts'
import { checksummed, type ImageLayer, LayerMeasure } from './image-layer.ts'
import { makeOwnLayer } from './own-layer.ts'
import type { BuildImagePlan } from './plan-build-image.ts'

/** The layer of an image with everything in it, measured. */
export interface MeasuredImageLayer extends AsyncDisposable {
  /** TarSum of the layer before its closure was added. */
  readonly checksum: string
  readonly digest: Digest
  readonly size: number
  /** Store paths whose files are in it, unless a base layer has them. */
  readonly closure: readonly StorePath[]
  /** The bytes again. Files are read a second time, and must be as they were. */
  open(): AsyncGenerator<Uint8Array>
}

/**
 * Makes the layer, finds what it refers to, adds the files that no layer has, and measures it.
 *
 * @throws {DockerToolsError} as `makeImageLayer`; `FILE_CHANGED`, `FILE_UNREADABLE`.
 */
export async function measureImageLayer(plan: BuildImagePlan, context: BuildContext): Promise<MeasuredImageLayer> {
  await using stack = new AsyncDisposableStack()
  const own = stack.use(await makeOwnLayer(plan, context))
  report({ type: 'step', message: 'Packing layer...' })
  await using measure = new LayerMeasure(plan.sizeHint, context)
  let checksum = ''
  const bytes = measured(
    checksummed(own.members, (sum) => (checksum = sum)),
    measure,
    context,
  )
  const references = await findKnownReferences(bytes, plan.known, context.store.dir)
  const roots = [...new Set([...plan.configReferences, ...references])]
  const paths = (await closure(context.store, roots)).map((node) => node.path)
  const there = paths.length === 0 ? new Set<string>() : await filesThere(plan, own)
  const added: (readonly PackedMember[])[] = []
  for await (const members of closureMembers(paths, (path) => there.has(path), context.store.dir, plan.trees)) {
    added.push(members)
    for await (const _ of measured(packMembers(members, 'measure'), measure, context));
  }
  const { digest, size, end } = await measure.finish()
  const owner = stack.move()
  return {
    checksum,
    digest,
    size,
    closure: paths,
    open: async function* open() {
      yield* packMembers(own.members, 'write')
      yield* packMembers(concatenated(added), 'write')
      yield end
    },
    [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()),
  }
}

function* concatenated<T>(lists: readonly (readonly T[])[]): Generator<T> {
  for (const list of lists) yield* list
}

/** The files of the base image's layers, and those of the layer itself. */
async function filesThere(plan: BuildImagePlan, own: ImageLayer): Promise<ReadonlySet<string>> {
  const files = plan.base === undefined ? new Set<string>() : await baseLayerFiles(plan.base.image)
  const listing = new NameListing(files)
  for (const { header } of own.members) {
    const name = (header.type === 'directory' ? `${header.path}/` : header.path) as ByteString
    if (!listing.add(name)) break
  }
  return files
}

/** Chunks are handed on as they are measured. */
export async function* measured(
  source: AsyncIterable<Uint8Array>,
  measure: LayerMeasure,
  { signal }: Pick<BuildContext, 'signal'>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    signal?.throwIfAborted()
    await measure.update(chunk)
    yield chunk
  }
}
