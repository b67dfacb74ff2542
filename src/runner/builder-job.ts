import type { StoreBind } from './store-view.ts'

/** Where a builder finds what is its own. */
export interface BuilderPlace {
  /** Where it starts. */
  readonly buildFolder: string
  /** Where it makes an output that belongs at a store path. */
  readonly placeOf: (path: string) => string
}

/** What is run. */
export interface BuilderCommand {
  /** Absolute. */
  readonly program: string
  readonly args: readonly string[]
  /** All of it, and nothing else. */
  readonly env: Readonly<Record<string, string>>
  /** Contents of files in the build folder, by name. */
  readonly files: ReadonlyMap<string, string>
}

/** A builder, and what it is to see. */
export interface BuilderJob {
  /** For messages, such as `the builder of "hello"`. */
  readonly step: string
  readonly command: (place: BuilderPlace) => BuilderCommand
  /** The store's logical folder. */
  readonly storeDir: string
  /** What the builder writes into the store's folder appears here. Holds a mount point for each input afterwards. */
  readonly outputsFolder: string
  /** Shown as `/build`, where the builder starts. Beside `outputsFolder`. */
  readonly buildFolder: string
  /** An empty folder for everything the run needs besides. */
  readonly scratch: string
  readonly inputs: readonly StoreBind[]
  /** Only what has to have a known content may ask others for it. */
  readonly hasNetwork: boolean
  /** After which it is stopped; without it, never. */
  readonly timeLimitSeconds: number | undefined
  readonly signal: AbortSignal | undefined
}
