import { availableParallelism } from 'node:os'
import { basename, resolve } from 'node:path'
import { DockerToolsError } from '#errors'
import { CompositeStore, type Store, type StoreOptions, type StorePath, type WritableStore } from '#store'
import { OnceMap } from './once-map.ts'
import { type Builder, type Realisable, REALISE, type RealiseOptions, type RealiseSession } from './realisable.ts'
import { Turns } from './turns.ts'
import { type NamedTask, WaitGraph } from './wait-graph.ts'

/** What there is to wait for: to make something, its own path has to be known first, so these are two. */
interface Tasks {
  readonly path: NamedTask
  readonly output: NamedTask
}

/** What a session works with. */
export interface RealiseSessionOptions {
  /** What is read besides `writable`. */
  readonly store: Store
  /** Opened and closed by who opens the session. */
  readonly writable: WritableStore
  /** Default: `own`. */
  readonly builder?: Builder
  /** Default: the working directory. */
  readonly baseDirectory?: string
  /** Builders that run at once. Default: one a core. */
  readonly jobs?: number
  readonly timeLimitSeconds?: number
  readonly signal?: AbortSignal
  /** How stores are opened that a definition names. Default: with the built-in key and the process's environment. */
  readonly storeOptions?: StoreOptions
}

/** Starts work on outputs. There is nothing to close: the stores are the caller's. */
export function openRealiseSession(options: RealiseSessionOptions): RealiseSession {
  return new Session(options)
}

class Session implements RealiseSession {
  readonly store: Store
  readonly writable: WritableStore
  readonly builder: Builder
  readonly baseDirectory: string
  readonly timeLimitSeconds: number | undefined
  readonly signal: AbortSignal
  readonly storeOptions: StoreOptions
  readonly #paths = new OnceMap<Realisable, StorePath>()
  readonly #outputs = new OnceMap<Realisable, StorePath>()
  readonly #rebuilt = new OnceMap<Realisable, StorePath>()
  readonly #keyed = new OnceMap<string, unknown>()
  readonly #waits = new WaitGraph()
  readonly #tasks = new WeakMap<Realisable, Tasks>()
  readonly #turns: Turns
  readonly #stop = new AbortController()
  /** The first that failed: what fails afterwards may do so because it was stopped. */
  #failure: { readonly reason: unknown } | undefined

  constructor(options: RealiseSessionOptions) {
    this.writable = options.writable
    this.store = new CompositeStore([options.writable, options.store])
    this.builder = options.builder ?? 'own'
    this.baseDirectory = options.baseDirectory ?? process.cwd()
    this.timeLimitSeconds = options.timeLimitSeconds
    this.signal =
      options.signal === undefined ? this.#stop.signal : AbortSignal.any([options.signal, this.#stop.signal])
    this.storeOptions = options.storeOptions ?? (options.signal === undefined ? {} : { signal: options.signal })
    this.#turns = new Turns(options.jobs ?? availableParallelism())
  }

  async outPath(value: Realisable): Promise<StorePath> {
    const { path } = this.#tasksOf(value)
    return await this.#waits.waitFor(path, () => this.#paths.get(value, () => value[REALISE].outPath(this)))
  }

  async realise(value: Realisable, { isRebuild = false }: Partial<RealiseOptions> = {}): Promise<StorePath> {
    const { output } = this.#tasksOf(value)
    const results = isRebuild ? this.#rebuilt : this.#outputs
    return await this.#waits.waitFor(output, () =>
      results.get(value, () => value[REALISE].realise(this, { isRebuild })),
    )
  }

  async addLocal(path: string): Promise<StorePath> {
    const physical = resolve(this.baseDirectory, path)
    return await this.once(`local ${physical}`, () => this.writable.addLocal(physical, basename(physical)))
  }

  async bring(paths: readonly StorePath[]): Promise<void> {
    const missing = await this.writable.keep(paths)
    if (missing.length > 0) await this.writable.copyClosure(this.store, missing)
  }

  async all<Result>(works: readonly Promise<Result>[]): Promise<Result[]> {
    const results = await Promise.allSettled(
      works.map(async (work) => {
        try {
          return await work
        } catch (reason) {
          this.#failure ??= { reason }
          this.#stop.abort()
          throw reason
        }
      }),
    )
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw this.#failure!.reason
    return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  }

  async inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    return await this.#turns.take(() => {
      checkNotStopped(this.signal)
      return work()
    })
  }

  async once<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    // What is remembered under a key is what the work with that key gave.
    return (await this.#keyed.get(key, work)) as Result
  }

  #tasksOf(value: Realisable): Tasks {
    const known = this.#tasks.get(value)
    if (known !== undefined) return known
    const { name } = value[REALISE]
    const tasks = { path: { name }, output: { name } }
    this.#tasks.set(value, tasks)
    return tasks
  }
}

function checkNotStopped(signal: AbortSignal): void {
  if (!signal.aborted) return
  throw new DockerToolsError('INTERRUPTED', 'Cannot go on building: it was interrupted')
}
