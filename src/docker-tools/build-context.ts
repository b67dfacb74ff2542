import { availableParallelism } from 'node:os'
import { openRealiseSession, type RealiseSession } from '#derivation'
import { DockerToolsError } from '#errors'
import { LayerCache } from '#layer'
import { RUNNER_NAMES, type RunnerName } from '#runner'
import { CompositeStore, openFirstWritableStore, openStores, type Store, TrustedKeys } from '#store'
import { cacheDirectoryOf } from './cache-directory.ts'
import { LocalSources } from './local-sources.ts'
import type { BuildOptions } from './recipe.ts'

/** What the work is done with: options with their defaults, and the stores opened. */
export interface BuildContext extends AsyncDisposable {
  /** Local files first, then the stores that were asked for. */
  readonly store: Store
  readonly sources: LocalSources
  /** Makes what has to be made first. */
  readonly session: RealiseSession
  readonly baseDirectory: string
  /** Where things are remembered between runs; undefined where nothing is to be. */
  readonly cacheDirectory: string | undefined
  readonly cache: LayerCache | undefined
  readonly threads: number
  /** Threads where the result is compressed: others compress, which takes many times longer. */
  readonly threadsBesideCompressor: number
  readonly runner: RunnerName | undefined
  readonly vmKernel: string | undefined
  readonly scriptTimeoutSeconds: number | undefined
  readonly signal: AbortSignal | undefined
  readonly now: () => number
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** @throws {DockerToolsError} `STORE_UNAVAILABLE`, `DEFINITION_INVALID`. */
export async function openContext(options: BuildOptions): Promise<BuildContext> {
  const environment = options.environment ?? process.env
  // A key that is none is told even where no store needs it: an option is never ignored.
  const trustedPublicKeys = options.trustedPublicKeys ?? []
  void new TrustedKeys(trustedPublicKeys)
  const storeOptions = {
    trustedPublicKeys,
    checkSignatures: options.checkSignatures ?? true,
    environment,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  }
  const baseDirectory = options.baseDirectory ?? process.cwd()
  const uris = options.stores ?? defaultStores(environment)
  const writable = openFirstWritableStore(uris, storeOptions)
  const stores = await openStores(uris, storeOptions, writable)
  const sources = new LocalSources(stores.dir)
  const store = new CompositeStore([sources, stores])
  const { signal, builder } = options
  const session = openRealiseSession({
    store,
    writable,
    baseDirectory,
    storeOptions,
    ...(options.threads === undefined ? {} : { jobs: options.threads }),
    ...(builder === undefined ? {} : { builder }),
    ...(signal === undefined ? {} : { signal }),
  })
  const cacheDirectory = cacheDirectoryOf({ ...options, environment })
  const context: BuildContext = {
    store,
    sources,
    session,
    baseDirectory,
    cacheDirectory,
    cache: cacheDirectory === undefined ? undefined : new LayerCache(cacheDirectory),
    threads: options.threads ?? availableParallelism(),
    threadsBesideCompressor: options.threads ?? 1,
    runner: checkRunner(options.runner),
    vmKernel: options.vmKernel,
    scriptTimeoutSeconds: checkTimeout(options.scriptTimeoutSeconds),
    signal,
    now: options.now ?? clock(environment),
    environment,
    [Symbol.asyncDispose]: () => Promise.resolve(writable[Symbol.asyncDispose]()),
  }
  contexts.set(session, context)
  return context
}

const contexts = new WeakMap<RealiseSession, BuildContext>()

/**
 * The context that a session belongs to: an image that is asked for through a
 * session works with what the session's opener has opened. A session that
 * somebody else has opened gets one of its own, with the defaults of `BuildOptions`.
 */
export function contextOf(session: RealiseSession): BuildContext {
  const known = contexts.get(session)
  if (known !== undefined) return known
  const sources = new LocalSources(session.store.dir)
  const environment = session.storeOptions.environment ?? process.env
  const cacheDirectory = cacheDirectoryOf({ environment })
  const context: BuildContext = {
    store: new CompositeStore([sources, session.store]),
    sources,
    session,
    baseDirectory: session.baseDirectory,
    cacheDirectory,
    cache: cacheDirectory === undefined ? undefined : new LayerCache(cacheDirectory),
    threads: availableParallelism(),
    threadsBesideCompressor: 1,
    runner: undefined,
    vmKernel: undefined,
    scriptTimeoutSeconds: undefined,
    signal: session.signal,
    now: clock(environment),
    environment,
    // The stores are the session's.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  contexts.set(session, context)
  return context
}

function checkRunner(name: RunnerName | undefined): RunnerName | undefined {
  if (name === undefined || RUNNER_NAMES.includes(name)) return name
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use the runner "${name}": there is none, it should be one of ${RUNNER_NAMES.join(', ')}`,
  )
}

/** Timers count in 31 bits of milliseconds. */
const MAX_TIMEOUT_SECONDS = 2_147_483

function checkTimeout(seconds: number | undefined): number | undefined {
  if (seconds === undefined || (seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS)) return seconds
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use a script timeout of ${seconds} s: it should be above 0 and at most ${MAX_TIMEOUT_SECONDS}`,
  )
}

function defaultStores(environment: Readonly<Record<string, string | undefined>>): string[] {
  const uris = (environment['DOCKERTOOLS_STORE'] ?? '').split(' ').filter((uri) => uri !== '')
  return uris.length === 0 ? ['auto'] : uris
}

/** The clock, or the time that the environment says it is, as reproducible-builds.org specifies. */
function clock(environment: Readonly<Record<string, string | undefined>>): () => number {
  const epoch = environment['SOURCE_DATE_EPOCH']
  if (epoch === undefined || epoch === '') return () => performance.timeOrigin + performance.now()
  if (!/^\d{1,12}$/.test(epoch)) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot use SOURCE_DATE_EPOCH: it is "${epoch}", it should be whole seconds since 1970`,
    )
  }
  return () => Number(epoch) * 1000
}
