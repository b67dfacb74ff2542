import { createHash } from 'node:crypto'
import type { Digest } from '#image'
import { type TarEntry, writeTar } from '#tar'
import type { TreeEntry } from '#tree'
import { type ByteString, makeSpool, type Spool } from '#util'
import { asTheyCome, type EntryOrder, inPathlibOrder, NamesNeedSorting } from './entry-order.ts'
import type { MeasuredLayer } from './measured-layer.ts'
import type { StoreLayerSpec } from './store-layer-spec.ts'
import { toTarEntry } from './to-tar-entry.ts'
import { leadingHeaders, ownerFields, socketInLayer } from './store-layer-headers.ts'

/** A store path whose content comes as a stream, in NAR order. */
export interface StreamedRoot {
  /** The name in the image, `/nix/store/…`. */
  readonly logical: ByteString
  open(): AsyncIterable<TreeEntry>
}

/** A layer of which at least one path is not on disk. */
export interface StreamedLayerSpec extends Pick<StoreLayerSpec, 'owner' | 'mtimeSeconds'> {
  readonly roots: readonly StreamedRoot[]
}

/** Layers above this wait on disk, in a file without a name, until they are written. */
const SPOOL_MEMORY_BYTES = 4 * 1024 * 1024

/**
 * Measures a layer whose paths come from a binary cache: from NAR to tar
 * without being unpacked. The tar is kept until it is written, because its name in
 * the archive is its digest.
 */
export async function measureStreamedLayer(spec: StreamedLayerSpec): Promise<MeasuredLayer & AsyncDisposable> {
  try {
    return await measure(spec, asTheyCome)
  } catch (error) {
    if (!(error instanceof NamesNeedSorting)) throw error
    return await measure(spec, inPathlibOrder)
  }
}

async function measure(spec: StreamedLayerSpec, order: EntryOrder): Promise<MeasuredLayer & AsyncDisposable> {
  const spool = makeSpool(SPOOL_MEMORY_BYTES)
  try {
    const hash = createHash('sha256')
    for await (const chunk of writeTar(layerEntries(spec, order), 'pax')) {
      hash.update(chunk)
      await spool.write(chunk)
    }
    return {
      digest: `sha256:${hash.digest('hex')}` as Digest,
      size: spool.size,
      prepare: () => undefined,
      skip: () => undefined,
      async writeTo(sink) {
        for await (const chunk of spool.read()) await sink.write(chunk)
        await disposeOf(spool)
      },
      [Symbol.asyncDispose]: () => disposeOf(spool),
    }
  } catch (error) {
    await disposeOf(spool)
    throw error
  }
}

async function disposeOf(spool: Spool): Promise<void> {
  await spool[Symbol.asyncDispose]()
}

async function* layerEntries(spec: StreamedLayerSpec, order: EntryOrder): AsyncGenerator<TarEntry> {
  for (const header of leadingHeaders(spec)) yield header
  const owner = ownerFields(spec)
  for (const root of spec.roots) {
    for await (const entry of order(root.open())) {
      const path = (entry.path === '' ? root.logical : `${root.logical}/${entry.path}`) as ByteString
      const member = toTarEntry(entry, { ...owner, path, mode: entry.mode })
      if (member === undefined) throw socketInLayer(path)
      yield member
    }
  }
}
