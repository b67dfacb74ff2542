import { endOfArchive } from '#tar'
import { type ScannedEntry, scanTree } from '#tree'
import type { ByteString } from '#util'
import { canonicalMode } from './canonical-mode.ts'
import type { ChunkWriter } from './chunk-writer.ts'
import { type LayerListing, type ListedEntry, ListingReader } from './layer-listing.ts'
import { leadingHeaders, ownerFields, socketInLayer } from './store-layer-headers.ts'
import type { LayerRoot, StoreLayerSpec } from './store-layer-spec.ts'
import { writeFileBody } from './write-file-body.ts'

/** Is told of everything that is looked at, in order. */
export interface LayerObserver {
  beginRoot(): void
  add(entry: ScannedEntry): void
}

/**
 * Writes the tar of a store layer as upstream's stream script makes it: `/nix/`
 * and `/nix/store/` first, whatever the store's folder, then each path with all
 * that is below it in `pathlib`'s order. Synchronous, for worker threads.
 *
 * @throws {DockerToolsError} `FILE_CHANGED`, `FILE_UNREADABLE`, `FILE_TYPE_UNSUPPORTED`.
 * @see nixpkgs `stream_layered_image.py`, `archive_paths_to`
 */
export function writeStoreLayer(spec: StoreLayerSpec, out: ChunkWriter, observer: LayerObserver): void {
  const writer = new EntryWriter(spec, out)
  lookAtStoreLayer(spec, {
    beginRoot: () => observer.beginRoot(),
    add: (entry, root) => {
      observer.add(entry)
      writer.write(entry, root)
    },
  })
  writer.end()
}

/**
 * Writes the same tar from a listing. Folders are not looked at again, and of
 * each file only whether it is the one that was listed.
 *
 * @throws {DockerToolsError} `FILE_CHANGED`, `FILE_UNREADABLE`.
 */
export function writeListedLayer(spec: StoreLayerSpec, out: ChunkWriter, listing: LayerListing): void {
  const writer = new EntryWriter(spec, out)
  const reader = new ListingReader(listing)
  for (const root of spec.roots) {
    for (const entry of reader.nextRoot()) writer.write(entry, root, entry.ctimeMs)
  }
  writer.end()
}

/** Only looks at the files of a layer, in the order it has them. */
export function lookAtStoreLayer(
  spec: StoreLayerSpec,
  observer: { beginRoot(): void; add(entry: ScannedEntry, root: LayerRoot): void },
): void {
  for (const root of spec.roots) {
    observer.beginRoot()
    for (const entry of scanTree(root.physical, { order: 'pathlib' })) observer.add(entry, root)
  }
}

/** Writes the members of a layer; a method a member, with no object that is not needed: this runs for every file. */
class EntryWriter {
  readonly #out: ChunkWriter
  readonly #fields: ReturnType<typeof ownerFields>

  constructor(spec: StoreLayerSpec, out: ChunkWriter) {
    this.#out = out
    this.#fields = ownerFields(spec)
    for (const header of leadingHeaders(spec)) out.header(header)
  }

  /** @param ctimeMs When a file was last changed as far as is known; if given, it must still be so. */
  write(entry: ScannedEntry | ListedEntry, root: LayerRoot, ctimeMs?: number): void {
    const { uid, gid, uname, gname, mtimeSeconds } = this.#fields
    const below = entry.path === '' ? '' : `/${entry.path}`
    const path = (root.logical + below) as ByteString
    const mode = root.canonicalModes ? canonicalMode(entry) : entry.mode
    switch (entry.type) {
      case 'file': {
        const { size } = entry
        this.#out.header({ type: 'file', path, mode, uid, gid, uname, gname, mtimeSeconds, size })
        if (size > 0) writeFileBody((root.physical + below) as ByteString, size, ctimeMs, this.#out)
        break
      }
      case 'directory':
      case 'fifo':
        this.#out.header({ type: entry.type, path, mode, uid, gid, uname, gname, mtimeSeconds })
        break
      case 'symlink':
        this.#out.header({ type: 'symlink', path, mode, uid, gid, uname, gname, mtimeSeconds, target: entry.target })
        break
      case 'char':
      case 'block': {
        const { type, major, minor } = entry
        this.#out.header({ type, path, mode, uid, gid, uname, gname, mtimeSeconds, major, minor })
        break
      }
      case 'socket':
        throw socketInLayer((root.physical + below) as ByteString)
    }
  }

  end(): void {
    this.#out.bytes(endOfArchive(this.#out.size))
    this.#out.flush()
  }
}
