import type { ScannedEntry, TreeEntry } from '#tree'
import type { PathInfo } from './path-info.ts'
import type { Store } from './store.ts'
import type { StorePath } from './store-path.ts'

/** How a local file or tree is added. */
export interface AddOptions {
  /** Whether a file below the root is taken; what is below a folder that is not is left out too. Default: all are. */
  readonly filter?: (entry: ScannedEntry) => boolean
}

/** Something built that is to become a store path. */
export interface NewOutput {
  readonly path: StorePath
  /** Where it is now, best at a place that `scratchPath` gave. It is gone afterwards; after an error it may be there still. */
  readonly physicalTemp: string
  /** For example `fixed:r:sha256:…`, where the path follows from the content. */
  readonly contentAddress?: string
}

/** What goes with outputs. */
export interface OutputOptions {
  readonly deriver?: StorePath
  /** Paths that an output may refer to: those whose hash parts are looked for. The outputs themselves are always. */
  readonly known: readonly StorePath[]
}

/** What a copy did. */
export interface CopyReport {
  /** Paths that were not there before, each after what it refers to. */
  readonly copied: readonly StorePath[]
  /** Bytes of their NARs. */
  readonly narBytes: number
}

/** How garbage is collected. */
export interface GarbageOptions {
  /** Only say what would go. */
  readonly isDryRun?: boolean
}

/** How a root is made. */
export interface RootOptions {
  /**
   * What the link points to: `logical`, the path as it is named, which a real
   * Nix takes for a root as well (the default); or `physical`, where it is on
   * this machine, so that it can be read through the link.
   */
  readonly target?: 'logical' | 'physical'
}

/** What was garbage. */
export interface GarbageReport {
  readonly paths: readonly StorePath[]
  /** Bytes of their NARs. */
  readonly narBytes: number
  /** Files in the store folder that were no store paths, left by killed processes for example. */
  readonly strayCount: number
}

/** How a store is checked. */
export interface VerifyOptions {
  /** Read all contents and compare their hashes. Without it, only whether every path is there is looked at. */
  readonly checksContents?: boolean
}

/** What is wrong with a path. */
export interface StoreFault {
  readonly path: StorePath
  readonly fault: 'missing' | 'changed' | 'unreadable'
  /** A sentence for people. */
  readonly message: string
}

/** What a check saw. */
export interface VerifyReport {
  readonly pathCount: number
  readonly faults: readonly StoreFault[]
}

/**
 * A store that paths can be added to. A path is there with all it refers to,
 * whole, or not at all; a process that is killed leaves nothing that a later
 * one would take for a path. Many processes may write at once.
 *
 * What was added, copied or found here stays until the store is closed, even
 * if another process collects garbage; for longer it needs a root.
 */
export interface WritableStore extends Store, AsyncDisposable {
  /** The physical folder that has `nix/store` in it. */
  readonly root: string

  /**
   * Adds a file or tree as `nix-store --add` does: its path follows from name and content.
   *
   * @throws {DockerToolsError} `STORE_PATH_INVALID` for a name that no path can
   *   have; `FILE_UNREADABLE`, `FILE_CHANGED`, `FILE_TYPE_UNSUPPORTED`;
   *   `WRITE_FAILED`, `STORE_UNAVAILABLE`.
   */
  addLocal(physicalPath: string, name: string, options?: AddOptions): Promise<StorePath>

  /**
   * Adds a text as `builtins.toFile` does, and as derivations are added.
   *
   * @throws {DockerToolsError} `STORE_PATH_MISSING` for a reference that is not in the store.
   */
  addText(name: string, text: string | Uint8Array, references?: readonly StorePath[]): Promise<StorePath>

  /** Adds a tree that need not be on disk; its path follows from name and content. Entries are in the order of a NAR. */
  addEntries(name: string, entries: AsyncIterable<TreeEntry> | Iterable<TreeEntry>): Promise<StorePath>

  /** A path on the store's disk where nothing is, for something that is to be added. It goes with the store object. */
  scratchPath(): Promise<string>

  /**
   * Keeps other processes, and other callers of this one, from making the same
   * thing: waits until nobody else holds this lock. It ends with the process.
   *
   * @throws {DockerToolsError} `INTERRUPTED`.
   */
  lock(path: StorePath): Promise<Disposable>

  /** As `registerOutputs`, for one. */
  registerOutput(path: StorePath, physicalTemp: string, options: OutputOptions): Promise<PathInfo>

  /**
   * Makes what was built into store paths: modes and times are made those of a
   * store, references are found, and all outputs become valid at once.
   *
   * @throws {DockerToolsError} `STORE_PATH_MISSING` for a reference that is not
   *   in the store; `OUTPUT_INVALID` for outputs that refer to each other in a
   *   circle, or to anything where their path follows from their content;
   *   `IntegrityError` `DIGEST_MISMATCH` if a path is there
   *   already with another content.
   */
  registerOutputs(outputs: readonly NewOutput[], options: OutputOptions): Promise<readonly PathInfo[]>

  /**
   * Copies paths with all they refer to from another store, checked against
   * their NAR hashes. What is here already is left alone.
   *
   * @throws {DockerToolsError} `STORE_PATH_MISSING`; `FORMAT_INVALID` for
   *   paths that refer to one another in a circle; what the other store throws.
   */
  copyClosure(from: Store, roots: readonly StorePath[]): Promise<CopyReport>

  /**
   * Keeps paths from being collected until the store is closed.
   *
   * @returns Those that the store does not have.
   */
  keep(paths: readonly StorePath[]): Promise<readonly StorePath[]>

  /**
   * Keeps a path, and what it refers to, as long as the symlink `link` is
   * there, which is made.
   *
   * @throws {DockerToolsError} `STORE_PATH_MISSING`; `WRITE_FAILED` if
   *   something else is at `link`.
   */
  addRoot(link: string, path: StorePath, options?: RootOptions): Promise<void>

  /** Deletes every path that no root reaches. */
  collectGarbage(options?: GarbageOptions): Promise<GarbageReport>

  /** Compares what is registered with what is on disk. */
  verify(options?: VerifyOptions): Promise<VerifyReport>
}
