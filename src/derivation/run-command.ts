import type { Meta } from './built.ts'
import type { Coercible } from './derivation-args.ts'
import { derivation, type DerivationRecipe } from './derivation-recipe.ts'
import { isMeta } from './is-meta.ts'
import { argumentOf, invalid, isText, namedArguments, optionalOf } from './named-arguments.ts'
import type { PathLike } from './path-like.ts'
import { isRealisable } from './realisable.ts'
import { DEFAULT_SHELL, SHELL_ARGUMENTS, SHELL_VARIABLES } from './shell-step.ts'

/** Arguments of `runCommand`. */
export interface RunCommandArgs {
  /** Name of the store path. */
  readonly name: string
  /** Variables of the script, and what `derivation` knows besides, such as `outputs` and `outputHash`. */
  readonly env?: Readonly<Record<string, Coercible>>
  /** Leaves its result at `$out`. */
  readonly script: string
  /** What runs it. Default: `/bin/bash` of the machine that builds. */
  readonly shell?: PathLike
  /** `priority`: in `buildEnv` the smaller number wins; default 5. */
  readonly meta?: Meta
}

/**
 * The output of a script, run with `bash -e -o pipefail`.
 *
 * @param name Name of the store path.
 * @param env Variables of the script.
 * @param script What is run; it makes `$out`.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `runCommand`
 * @remarks Differs from nixpkgs: there is no standard environment; the script
 *   sees the programs of the machine that builds, and what it names.
 *
 * @example What a script prints
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { realise, runCommand } from 'dockertools'
 *
 * const sorted = runCommand('sorted', { WORDS: 'b a' }, 'printf "%s\\n" $WORDS | sort > $out')
 * const { path } = await realise(sorted, { stores: ['local:./result-store'] })
 * console.log(readFileSync(path, 'utf8'))
 * ```
 */
export function runCommand(name: string, env: Readonly<Record<string, Coercible>>, script: string): DerivationRecipe
export function runCommand(args: RunCommandArgs): DerivationRecipe
export function runCommand(...given: readonly unknown[]): DerivationRecipe {
  const args = namedArguments('runCommand', given, ['name', 'env', 'script'], ['shell', 'meta'])
  const name = argumentOf('runCommand', args, 'name', isText, 'a text')
  const script = argumentOf('runCommand', args, 'script', isText, 'a text')
  const shell = optionalOf('runCommand', args, 'shell', isShell, 'a path, or something to be made') ?? DEFAULT_SHELL
  const meta = optionalOf('runCommand', args, 'meta', isMeta, 'an object with a priority') ?? {}
  const env = optionalOf('runCommand', args, 'env', isVariables, 'an object of variables') ?? {}
  const taken = ['name', 'builder', 'args', 'buildCommand', 'passAsFile', 'meta'].find((known) =>
    Object.hasOwn(env, known),
  )
  if (taken !== undefined) throw invalid('runCommand', `its variable "${taken}" is given, though it is set by itself`)
  return derivation({
    ...SHELL_VARIABLES,
    ...env,
    name,
    meta,
    builder: shell,
    args: [...SHELL_ARGUMENTS, 'source "$buildCommandPath"', name],
    // A variable could not be as long.
    buildCommand: script,
    passAsFile: 'buildCommand',
  })
}

export function isShell(value: unknown): value is PathLike {
  return isRealisable(value) || (isText(value) && /^(\/|\.\.?\/)/.test(value))
}

function isVariables(value: unknown): value is Readonly<Record<string, Coercible>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRealisable(value)
}
