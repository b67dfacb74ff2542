import { availableParallelism, homedir } from 'node:os'
import { join } from 'node:path'
import { DockerToolsError } from '#errors'
import { LayerCache } from '#layer'
import { CompositeStore, openStores, type Store, TrustedKeys } from '#store'
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
  const cacheDirectory = options.cacheDirectory === undefined ? defaultCache(environment) : options.cacheDirectory
  return {
    store: new CompositeStore([sources, stores]),
    sources,
    baseDirectory: options.baseDirectory ?? process.cwd(),
    cache: cacheDirectory === null ? undefined : new LayerCache(cacheDirectory),
    threads: options.threads ?? availableParallelism(),
    signal: options.signal,
    now: options.now ?? clock(environment),
  }
}

function defaultStores(environment: Readonly<Record<string, string | undefined>>): string[] {
  const uris = (environment['DOCKERTOOLS_STORE'] ?? '').split(' ').filter((uri) => uri !== '')
  return uris.length === 0 ? ['auto'] : uris
}

/** Where digests and compressed layers are remembered, unless options say otherwise. */
export function defaultCache(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment['XDG_CACHE_HOME']
  // The XDG specification: a relative path is no path.
  return join(base?.startsWith('/') === true ? base : join(environment['HOME'] ?? homedir(), '.cache'), 'dockertools')
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
