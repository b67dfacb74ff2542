import { join } from 'node:path'
import type { RealiseSession } from '#derivation'
import { DockerToolsError } from '#errors'
import { openStore, parseStorePath, type StorePath } from '#store'
import { makeTempDir } from '#util'
import { type NixCall, nixFailed, runNix } from './run-nix.ts'

/** What Nix says of a package: where it belongs, or why it has none. */
export type NixPackage = { readonly path: StorePath } | { readonly absence: string }

/** What Nix complains of where it has no nixpkgs, as opposed to one that does not work. */
const NO_NIXPKGS = /file 'nixpkgs' was not found in the Nix search path/
/** Of an ordinary user's Nix without a daemon. */
const NO_STORE =
  /(could not set permissions on|getting status of|creating directory|opening lock file|cannot connect to).*(Operation not permitted|Permission denied|refused)/
const NO_ATTRIBUTE = /attribute '[^']*' in selection path '[^']*' not found|attribute '[^']*' missing/

/**
 * Asks the machine's Nix which store path a package of `<nixpkgs>` has. Builds nothing.
 *
 * @throws {ScriptError} `SCRIPT_FAILED` where the package cannot be evaluated.
 */
export async function evaluateNixPackage(session: RealiseSession, attribute: string): Promise<NixPackage> {
  const args = ['--eval', '--json', '<nixpkgs>', '--attr', `${attribute}.outPath`]
  const answer = await runNix('nix-instantiate', args, callIn(session))
  if (answer.type === 'missing') return { absence: 'Nix is not installed' }
  if (answer.type === 'failed') {
    if (NO_NIXPKGS.test(answer.errorOutput)) return { absence: 'Nix has no nixpkgs in its search path' }
    if (NO_STORE.test(answer.errorOutput)) return { absence: 'Nix cannot open its store' }
    if (NO_ATTRIBUTE.test(answer.errorOutput))
      return { absence: `nixpkgs of this machine has no attribute "${attribute}"` }
    throw nixFailed(attribute, answer.errorOutput)
  }
  const value: unknown = JSON.parse(answer.output)
  if (typeof value === 'string') return { path: parseStorePath(value, session.store.dir) }
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot get package "${attribute}": its path is no text, it should be a package`,
  )
}

/**
 * Has the machine's Nix build or fetch a package.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 */
export async function realiseNixPackage(
  session: RealiseSession,
  attribute: string,
  path: StorePath,
): Promise<StorePath> {
  if (await session.store.has(path)) return path
  await using temp = await makeTempDir('nixpkgs-')
  // The link keeps it from being collected while it is copied.
  const args = ['<nixpkgs>', '--attr', attribute, '--out-link', join(temp.path, 'result')]
  const answer = await session.inTurn(() => runNix('nix-build', args, callIn(session)))
  if (answer.type !== 'done') {
    throw nixFailed(attribute, answer.type === 'missing' ? 'there is no program nix-build' : answer.errorOutput)
  }
  if (await session.store.has(path)) return path
  const store = await openStore('nix', session.storeOptions)
  await session.writable.copyClosure(store, [path])
  return path
}

function callIn({ storeOptions, signal, baseDirectory }: RealiseSession): NixCall {
  return { environment: storeOptions.environment ?? process.env, cwd: baseDirectory, signal }
}
