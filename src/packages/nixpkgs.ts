import {
  argumentOf,
  type Built,
  invalidArgument,
  isText,
  makeBuilt,
  namedArguments,
  type RealiseSession,
} from '#derivation'
import { DockerToolsError } from '#errors'
import type { StorePath } from '#store'
import { bringFromCache } from './bring-from-cache.ts'
import { evaluateNixPackage, realiseNixPackage } from './nix-package.ts'
import {
  findPackageLock,
  LOCK_FILE_NAME,
  type LockedPackage,
  type PackageLock,
  readPackageLock,
} from './package-lock.ts'

/** Names joined by dots: anything else could be read by Nix as an option or an expression. */
const ATTRIBUTE = /^[A-Za-z_][A-Za-z0-9_'+-]*(?:\.[A-Za-z0-9_][A-Za-z0-9_'+-]*)*$/

/**
 * A package of nixpkgs by its attribute, such as `hello` or
 * `python3Packages.requests`: the store path that a lock file
 * (`dockertools.lock.json`, in the definition's folder or above) gives it, or
 * else what the machine's Nix makes of `<nixpkgs>`.
 *
 * @param attribute Such as `hello`.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is used, `PACKAGE_MISSING` where
 *   neither gives it, and what `fromBinaryCache` throws.
 * @throws {ScriptError} `SCRIPT_FAILED` where Nix cannot build it.
 * @remarks Not in nixpkgs: it stands for `pkgs.NAME`.
 *
 * @example A package by the lock file beside the program
 * ```ts
 * import { writeFileSync } from 'node:fs'
 * import { pathToFileURL } from 'node:url'
 * import { nixpkgs, realise } from 'dockertools'
 *
 * const storePath = '/nix/store/1rxj0f9d4h34pihxzxqrd5hn8yfhfb5f-hello-1.0'
 * const narHash = 'sha256:090kddfpblwa04mnv8yrnjqy9kg8ycp8k9dhz8dx5zf7rh425pzh'
 * const cache = pathToFileURL('examples/cache').href
 * writeFileSync('dockertools.lock.json', JSON.stringify({ version: 1, packages: { hello: { storePath, narHash, cache } } }))
 * const { path } = await realise(nixpkgs('hello'), { stores: ['local:./result-store'], checkSignatures: false })
 * console.log(path)
 * ```
 */
export function nixpkgs(attribute: string): Built
export function nixpkgs(args: { readonly attribute: string }): Built
export function nixpkgs(...given: readonly unknown[]): Built {
  const args = namedArguments('nixpkgs', given, ['attribute'])
  const attribute = argumentOf('nixpkgs', args, 'attribute', isText, 'a text')
  if (!ATTRIBUTE.test(attribute)) {
    throw invalidArgument(
      'nixpkgs',
      `argument "attribute": it is ${JSON.stringify(attribute.slice(0, 200))}, it should be names joined by "."`,
    )
  }
  const find = async (session: RealiseSession): Promise<FoundPackage> => {
    const found = await findPackage(session, attribute)
    if ('path' in found) return found
    throw packageMissing(attribute, found.absence)
  }
  return makeBuilt(
    attribute,
    {},
    {
      name: attribute,
      async outPath(session) {
        return (await find(session)).path
      },
      async realise(session) {
        return await (await find(session)).realise()
      },
    },
  )
}

/** A package that there is. */
export interface FoundPackage {
  readonly path: StorePath
  /** Brings it to where the session reads. */
  realise(): Promise<StorePath>
}

/** Looks for a package; where it is not, says what there is instead. */
export async function findPackage(
  session: RealiseSession,
  attribute: string,
): Promise<FoundPackage | { readonly absence: readonly string[] }> {
  const lock = await lockOf(session)
  const locked = lock?.packages.get(attribute)
  if (locked !== undefined) return fromLock(session, attribute, locked)
  const absence = lock === undefined ? `there is no ${LOCK_FILE_NAME}` : `"${lock.file}" does not name it`
  const found = await session.once(`nixpkgs ${attribute}`, () => evaluateNixPackage(session, attribute))
  if ('absence' in found) return { absence: [found.absence, absence] }
  const { path } = found
  return {
    path,
    realise: () => session.once(`nixpkgs ${attribute} built`, () => realiseNixPackage(session, attribute, path)),
  }
}

async function lockOf(session: RealiseSession): Promise<PackageLock | undefined> {
  return await session.once('package lock', async () => {
    const file = findPackageLock(session.baseDirectory)
    return file === undefined ? undefined : await readPackageLock(file, session.store.dir)
  })
}

function fromLock(
  session: RealiseSession,
  attribute: string,
  { storePath, narHash, cache }: LockedPackage,
): FoundPackage {
  return {
    path: storePath,
    realise: () => bringFromCache(session, `package "${attribute}"`, { path: storePath, cache, narHash }),
  }
}

function packageMissing(attribute: string, absence: readonly string[]): DockerToolsError {
  return new DockerToolsError('PACKAGE_MISSING', `Cannot get package "${attribute}": ${absence.join(', and ')}`, {
    hint: `Install Nix with nixpkgs in its search path (NIX_PATH), or add "${attribute}" to ${LOCK_FILE_NAME} in the definition's folder with its storePath, narHash and cache`,
  })
}
