/**
 * Progress without a logger in every signature: library code calls `report()`,
 * the caller who cares wraps the work in `withReporter()`.
 *
 * Events are facts with types. Only `cli/` turns them into text.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** Something that happened while an image was made. */
export type BuildEvent =
  /** A layer of the base image is taken over. `index` counts from 1 over the whole image. */
  | { readonly type: 'base-layer'; readonly index: number; readonly member: string }
  /** A step of `buildImage` or `mergeImages`, in upstream's words. */
  | { readonly type: 'step'; readonly message: string }
  /** The definition names no base image. */
  | { readonly type: 'no-base-image' }
  /** A layer of store paths is written. */
  | { readonly type: 'store-layer'; readonly index: number; readonly paths: readonly string[] }
  /** A layer of an image in a registry is being fetched: `bytes` of `totalBytes`, as they are stored. */
  | {
      readonly type: 'pull-layer'
      readonly index: number
      readonly total: number
      readonly digest: string
      readonly bytes: number
      readonly totalBytes: number
    }
  /** The customisation layer is written. */
  | { readonly type: 'customisation-layer'; readonly index: number }
  | { readonly type: 'manifest' }
  /** An output is made: no store has it, or it was asked for again. */
  | { readonly type: 'building'; readonly path: string }
  | { readonly type: 'done' }
  /** The container engine that an image is loaded into; containerd has no address here, `ctr` knows it. */
  | {
      readonly type: 'engine'
      readonly engine: 'docker' | 'podman' | 'containerd'
      readonly address: string | null
    }
  /** A blob is in the registry: it was there, or mounted from another repository, or uploaded. */
  | {
      readonly type: 'pushed-blob'
      readonly digest: string
      readonly bytes: number
      readonly outcome: 'there' | 'mounted' | 'uploaded'
    }
  /** Bytes of the result that are written so far, and of how many where that is known. */
  | { readonly type: 'progress'; readonly bytes: number; readonly totalBytes: number | undefined }
  /** A text that a script wrote to standard output or standard error. */
  | { readonly type: 'script-output'; readonly step: string; readonly text: string }
  /** Which runner a script runs with. */
  | { readonly type: 'runner'; readonly step: string; readonly runner: string }
  /** Something that only who asked for `debug` wants to know. */
  | { readonly type: 'debug'; readonly message: string }
  /** Something the user should know that is no failure. `code` is stable. */
  | { readonly type: 'warning'; readonly code: string; readonly message: string }

/** Receives events. It must not throw. */
export type Reporter = (event: BuildEvent) => void

const reporters = new AsyncLocalStorage<Reporter>()

/** Hands `event` to the reporter of the current work, if there is one. */
export function report(event: BuildEvent): void {
  reporters.getStore()?.(event)
}

/** Runs `work` so that everything it reports goes to `reporter`. */
export function withReporter<T>(reporter: Reporter | undefined, work: () => T): T {
  return reporter === undefined ? work() : reporters.run(reporter, work)
}
