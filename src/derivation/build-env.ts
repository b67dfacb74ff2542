import { jsonObject } from '#image'
import type { StorePath } from '#store'
import type { TreeEntry } from '#tree'
import { type ByteString, toByteString } from '#util'
import type { Built, Meta } from './built.ts'
import { isMeta } from './is-meta.ts'
import { LogicalFiles } from './logical-files.ts'
import { type EnvPackage, type MergeRules, PackageMerge } from './merge-packages.ts'
import { argumentOf, invalid, isBoolean, isText, namedArguments, optionalOf } from './named-arguments.ts'
import { makeOwnOutput } from './own-output.ts'
import type { PathLike } from './path-like.ts'
import { planPostBuild } from './post-build.ts'
import type { RealiseSession } from './realisable.ts'
import { isShell } from './run-command.ts'
import { asStream } from './symlink-join.ts'
import { isPathList, resolvePaths } from './used-paths.ts'

/** Arguments of `buildEnv`. */
export interface BuildEnvArgs {
  /** Name of the store path. */
  readonly name: string
  /** Packages: folders that are joined. */
  readonly paths: readonly PathLike[]
  /** Folders whose content is linked. Default: `['/']`, everything. */
  readonly pathsToLink?: readonly string[]
  /** Whether the first of several files at one place is taken. Default: false, which is an error that names them. */
  readonly ignoreCollisions?: boolean
  /** Whether files with the same content and mode may be at one place. Default: true. */
  readonly checkCollisionContents?: boolean
  /** Where in the output the result is, such as `/usr`. Default: at its root. */
  readonly extraPrefix?: string
  /** A script that is run over the result, which is `$out`. */
  readonly postBuild?: string
  /** What runs `postBuild`. Default: `/bin/bash` of the machine that builds. */
  readonly shell?: PathLike
  /** `priority`: in `buildEnv` the smaller number wins; default 5. */
  readonly meta?: Meta
}

/** nixpkgs' `lib.meta.defaultPriority`. */
const DEFAULT_PRIORITY = 5
/** Packages that others bring with them come after all that were named. */
const FIRST_PROPAGATED_PRIORITY = 1000
const ARGUMENTS = [
  'pathsToLink',
  'ignoreCollisions',
  'checkCollisionContents',
  'extraPrefix',
  'postBuild',
  'shell',
  'meta',
]

/**
 * Packages as one tree of symlinks. Of two files at one place the one of the
 * smaller `meta.priority` is taken; where both are the same, it is an error.
 *
 * @param given `name` and `paths` are needed.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is made,
 *   `OUTPUT_INVALID` for a collision, `FILE_TYPE_UNSUPPORTED` for a path that is a file.
 * @see nixpkgs `pkgs/build-support/buildenv/default.nix`
 *
 * @example Only what is in `bin`
 * ```ts
 * import { buildEnv, realise, writeTextDir } from 'dockertools'
 *
 * const env = buildEnv({ name: 'env', paths: [writeTextDir('bin/a', ''), writeTextDir('doc/a', '')], pathsToLink: ['/bin'] })
 * const { path } = await realise(env, { stores: ['local:./result-store'] })
 * console.log(path)
 * ```
 */
export function buildEnv(given: BuildEnvArgs): Built {
  const args = namedArguments('buildEnv', [given], [], ['name', 'paths', ...ARGUMENTS])
  const name = argumentOf('buildEnv', args, 'name', isText, 'a text')
  const paths = [...argumentOf('buildEnv', args, 'paths', isPathList, 'a list of paths')]
  const priorities = paths.map(priorityOf)
  const pathsToLink = (optionalOf('buildEnv', args, 'pathsToLink', isTexts, 'a list of texts') ?? ['/']).map(cleanPath)
  const isIgnoring = optionalOf('buildEnv', args, 'ignoreCollisions', isBoolean, 'true or false') ?? false
  const checkCollisionContents =
    optionalOf('buildEnv', args, 'checkCollisionContents', isBoolean, 'true or false') ?? true
  const prefix = cleanPath(optionalOf('buildEnv', args, 'extraPrefix', isText, 'a text') ?? '')
  const script = optionalOf('buildEnv', args, 'postBuild', isText, 'a text') ?? ''
  const shell = optionalOf('buildEnv', args, 'shell', isShell, 'a path, or something to be made')
  const meta = optionalOf('buildEnv', args, 'meta', isMeta, 'an object with a priority') ?? {}
  return makeOwnOutput(name, 'buildEnv', meta, async (session) => {
    const used = await resolvePaths(session, paths)
    const post = await planPostBuild(session, name, script, shell)
    const packages = used.paths.map(({ path }, index) => ({ path: toByteString(path), priority: priorities[index]! }))
    const rules: MergeRules = { pathsToLink, ignoreCollisions: isIgnoring ? 'reported' : 'no', checkCollisionContents }
    return {
      args: jsonObject({
        paths: packages.map(({ priority }, index) => jsonObject({ path: used.paths[index]!.path, priority })),
        pathsToLink: [...pathsToLink],
        ignoreCollisions: isIgnoring,
        checkCollisionContents,
        extraPrefix: prefix === '/' ? '' : prefix,
        ...post.args,
      }),
      values: [...used.values, ...post.values],
      inputs: [...used.roots, ...post.inputs],
      content: async (place) => asStream(entriesOf(await merge(session, place.visible, packages, rules), prefix)),
      finish: post.run,
    }
  })
}

async function merge(
  session: RealiseSession,
  visible: readonly StorePath[],
  packages: readonly EnvPackage[],
  rules: MergeRules,
): Promise<PackageMerge> {
  const places = new Map<StorePath, string>()
  for (const path of visible) {
    const physical = await session.writable.realPath(path)
    if (physical !== undefined) places.set(path, physical)
  }
  const files = new LogicalFiles(places, session.store.dir)
  const merged = new PackageMerge(files, session.store.dir, rules)
  const added = new Set<string>()
  let propagated = new Set<string>()
  const add = (item: EnvPackage, ignore: MergeRules['ignoreCollisions']): void => {
    if (added.has(item.path)) return
    added.add(item.path)
    merged.add(item, ignore)
    const list = files.read(`${item.path}/nix-support/propagated-user-env-packages` as ByteString)
    for (const path of list?.toString('latin1').split(/\s+/) ?? []) if (path !== '') propagated.add(path)
  }
  for (const item of packages) if (files.stat(item.path) !== undefined) add(item, rules.ignoreCollisions)
  let priority = FIRST_PROPAGATED_PRIORITY
  while (propagated.size > 0) {
    const round = [...propagated].filter((path) => !added.has(path)).toSorted()
    propagated = new Set()
    for (const path of round) add({ path: path as ByteString, priority: priority++ }, 'silent')
  }
  return merged
}

/** The result below the prefix, in the order of its names; folders on the way are made. */
function* entriesOf(merged: PackageMerge, prefix: string): Generator<TreeEntry> {
  const made = new Set<string>()
  const base = prefix === '/' ? '' : prefix
  const all: [path: ByteString, target: ByteString][] = [['' as ByteString, '' as ByteString], ...merged.result()]
  for (const [relative, target] of all) {
    const whole = `${base}${relative}`.slice(1)
    const parts = whole.split('/')
    for (const depth of parts.keys()) {
      const folder = parts.slice(0, depth).join('/')
      if (made.has(folder)) continue
      made.add(folder)
      yield { type: 'directory', path: folder as ByteString, mode: 0o755 }
    }
    if (target !== '') yield { type: 'symlink', path: whole as ByteString, mode: 0o777, target }
    else if (!made.has(whole)) {
      made.add(whole)
      yield { type: 'directory', path: whole as ByteString, mode: 0o755 }
    }
  }
}

function priorityOf(path: PathLike): number {
  const priority = typeof path === 'object' && 'meta' in path && isMeta(path.meta) ? path.meta.priority : undefined
  return priority ?? DEFAULT_PRIORITY
}

/** Absolute, without a slash at its end. */
function cleanPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw invalid('buildEnv', `its path "${path}" should not have ".." in it`)
  return `/${parts.join('/')}`
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}
