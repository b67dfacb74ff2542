import { availableParallelism } from 'node:os'
import { DockerToolsError } from '#errors'
import { LayerCache } from '#layer'
import { CompositeStore, openStores, type Store, TrustedKeys } from '#store'
import { cacheDirectoryOf } from './cache-directory.ts'
import { LocalSources } from './local-sources.ts'
import type { BuildOptions } from './recipe.ts'

/** What the work is done with: options with their defaults, and the stores opened. */
export interface BuildContext {
  /** Local files first, then the stores that were asked for. */
  readonly store: Store
  readonly sources: LocalSources
  readonly baseDirectory: string
  readonly cache: LayerCache | undefined
  readonly threads: number
  readonly signal: AbortSignal | undefined
  readonly now: () => number
}

/** @throws {DockerToolsError} `STORE_UNAVAILABLE`, `DEFINITION_INVALID`. */
export async function openContext(options: BuildOptions): Promise<BuildContext> {
  const environment = options.environment ?? process.env
  // A key that is none is told even where no store needs it: an option is never ignored.
  const trustedPublicKeys = options.trustedPublicKeys ?? []
  void new TrustedKeys(trustedPublicKeys)
  const stores = await openStores(options.stores ?? defaultStores(environment), {
    trustedPublicKeys,
    checkSignatures: options.checkSignatures ?? true,
    environment,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const sources = new LocalSources(stores.dir)
  const cacheDirectory = cacheDirectoryOf(options)
  return {
    store: new CompositeStore([sources, stores]),
    sources,
    baseDirectory: options.baseDirectory ?? process.cwd(),
    cache: cacheDirectory === undefined ? undefined : new LayerCache(cacheDirectory),
    threads: options.threads ?? availableParallelism(),
    signal: options.signal,
    now: options.now ?? clock(environment),
  }
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
