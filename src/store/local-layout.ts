import { isAbsolute, join, resolve } from 'node:path'
import { DockerToolsError } from '#errors'
import { homeDirectory } from '#util'

/** Where the parts of a local store are: Nix's own places below its root, and a folder of ours among its state. */
export interface LocalLayout {
  readonly root: string
  /** The physical folder of store paths. They are named in the logical one, whatever this is. */
  readonly storeDir: string
  /** The database file. */
  readonly database: string
  readonly databaseDir: string
  readonly schemaFile: string
  readonly gcRoots: string
  readonly profiles: string
  /** One file for each running Nix process, named for it. */
  readonly tempRoots: string
  /** What Nix locks while it collects garbage. */
  readonly nixGcLock: string
  /** Ours. Nix neither looks here nor deletes what is here. */
  readonly ownDir: string
  /** One folder for each of our writers that is at work. */
  readonly scratchDir: string
  /** Locked by all who register (shared) and by who collects garbage (alone). */
  readonly gcLock: string
  /** Locks of those who make something, a few files that many share. */
  readonly pathLocks: string
}

/** The places of a store whose root is `root`. */
export function localLayout(root: string): LocalLayout {
  const state = join(root, 'nix/var/nix')
  const ownDir = join(state, 'dockertools')
  return {
    root,
    storeDir: join(root, 'nix/store'),
    database: join(state, 'db/db.sqlite'),
    databaseDir: join(state, 'db'),
    schemaFile: join(state, 'db/schema'),
    gcRoots: join(state, 'gcroots'),
    profiles: join(state, 'profiles'),
    tempRoots: join(state, 'temproots'),
    nixGcLock: join(state, 'gc.lock'),
    ownDir,
    scratchDir: join(ownDir, 'scratch'),
    gcLock: join(ownDir, 'gc.lock'),
    pathLocks: join(ownDir, 'locks'),
  }
}

/**
 * The root that `local` or `local:ROOT` names; without one, `dockertools` in
 * the user's folder for data.
 *
 * @throws {DockerToolsError} `USAGE` for `local:` with no root behind it.
 */
export function localRoot(uri: string, environment: Readonly<Record<string, string | undefined>>): string {
  if (uri === 'local') return defaultRoot(environment)
  const root = uri.slice('local:'.length)
  if (root === '' || root.includes('\0')) {
    throw new DockerToolsError(
      'USAGE',
      `Cannot open store ${JSON.stringify(uri)}: it names no folder, it should be "local:ROOT"`,
    )
  }
  return resolve(root)
}

function defaultRoot(environment: Readonly<Record<string, string | undefined>>): string {
  const data = environment['XDG_DATA_HOME']
  // The XDG specification: a relative path is no path.
  if (data !== undefined && isAbsolute(data)) return join(data, 'dockertools')
  return join(homeDirectory(environment), '.local/share/dockertools')
}
