import type { ScannedEntry } from '#tree'
import type { ByteString } from '#util'

/** An entry as far as a layer's bytes follow from it, and its change time. */
export type ListedEntry = Pick<ScannedEntry, 'path' | 'mode' | 'size' | 'ctimeMs'> &
  ({ readonly type: 'file' | 'directory' | 'fifo' } | { readonly type: 'symlink'; readonly target: ByteString })

/**
 * The files of a layer as they were when it was measured, packed to be handed
 * from one thread to another. Whoever writes the layer from it need not look
 * at the folders again.
 */
export interface LayerListing {
  /** Entries of each root. */
  readonly counts: readonly number[]
  /** Paths, and targets where there are some, each ended by a NUL. */
  readonly names: string
  readonly types: Uint8Array
  readonly modes: Uint16Array
  readonly sizes: Float64Array
  readonly ctimesMs: Float64Array
}

/** A listing costs about 120 bytes an entry; layers with more are looked at again instead. */
const MAX_ENTRIES = 20_000

const TYPES = ['file', 'directory', 'symlink', 'fifo'] as const

/** Collects a listing while a layer is measured. */
export class ListingRecorder {
  #entries: ListedEntry[] | undefined = []
  readonly #counts: number[] = []

  beginRoot(): void {
    this.#counts.push(0)
  }

  add(entry: ScannedEntry): void {
    if (this.#entries === undefined) return
    const { path, mode, size, ctimeMs } = entry
    switch (entry.type) {
      case 'symlink':
        this.#push({ path, mode, size, ctimeMs, type: 'symlink', target: entry.target })
        break
      case 'file':
      case 'directory':
      case 'fifo':
        this.#push({ path, mode, size, ctimeMs, type: entry.type })
        break
      case 'char':
      case 'block':
      case 'socket':
        this.#entries = undefined
    }
  }

  /** The listing, or undefined for a layer that is too large or has something rare in it. */
  finish(): LayerListing | undefined {
    const entries = this.#entries
    if (entries === undefined) return undefined
    return {
      counts: this.#counts,
      names: entries
        .map((entry) => (entry.type === 'symlink' ? `${entry.path}\0${entry.target}\0` : `${entry.path}\0`))
        .join(''),
      types: Uint8Array.from(entries, (entry) => TYPES.indexOf(entry.type)),
      modes: Uint16Array.from(entries, (entry) => entry.mode),
      sizes: Float64Array.from(entries, (entry) => entry.size),
      ctimesMs: Float64Array.from(entries, (entry) => entry.ctimeMs),
    }
  }

  #push(entry: ListedEntry): void {
    if (this.#entries?.push(entry) === MAX_ENTRIES) this.#entries = undefined
    this.#counts[this.#counts.length - 1] = (this.#counts.at(-1) ?? 0) + 1
  }
}

/** Reads a listing, one root after the other. */
export class ListingReader {
  readonly #listing: LayerListing
  #root = 0
  #index = 0
  #position = 0

  constructor(listing: LayerListing) {
    this.#listing = listing
  }

  /** The entries of the next root; to be read to the end before the one after it. */
  *nextRoot(): Generator<ListedEntry> {
    const { counts, types, modes, sizes, ctimesMs } = this.#listing
    const end = this.#index + (counts[this.#root++] ?? 0)
    for (; this.#index < end; this.#index++) {
      const path = this.#nextName()
      const type = TYPES[types[this.#index] ?? 0] ?? 'file'
      const mode = modes[this.#index] ?? 0
      const size = sizes[this.#index] ?? 0
      const ctimeMs = ctimesMs[this.#index] ?? 0
      if (type === 'symlink') yield { path, mode, size, ctimeMs, type, target: this.#nextName() }
      else yield { path, mode, size, ctimeMs, type }
    }
  }

  #nextName(): ByteString {
    const end = this.#listing.names.indexOf('\0', this.#position)
    const name = this.#listing.names.slice(this.#position, end)
    this.#position = end + 1
    return name as ByteString
  }
}
