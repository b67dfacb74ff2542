import type { BuildContext } from './build-context.ts'
import { identifyLayeredImage, type LayeredIdentity } from './identify-layered-image.ts'
import { layeredRecipe } from './layered-recipe.ts'
import type { StreamNixShellImageArgs } from './nix-shell-image-args.ts'
import { planNixShell } from './plan-nix-shell.ts'
import type { StreamRecipe } from './recipe.ts'
import { type ResolvedNixShellArgs, resolveStreamNixShellArgs } from './resolve-nix-shell-args.ts'

/**
 * Describes an image with the environment that a derivation is built in, as
 * `nix-shell` has it: variables, prompt and `shellHook`, and a program
 * `buildDerivation` that builds the derivation in the container.
 *
 * Arguments are checked at once; the derivation is read when the recipe is
 * used. Of a derivation made here, what it is built from is built where it has
 * to be; of a `.drv`, it has to be in a store. The derivation itself is not built.
 *
 * @param args Upstream's arguments, and `layering`.
 * @returns A recipe, as that of `streamLayeredImage`.
 * @throws {DockerToolsError} `DEFINITION_INVALID` for an unknown argument or a wrong value, `command` and `run`
 *   together, and a derivation with structured attributes. Used: `STORE_PATH_MISSING` where the derivation, or what
 *   it is built from, is in no store; `PACKAGE_MISSING` where there is no bash.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `streamNixShellImage`
 * @remarks Differs from nixpkgs: `docs/parity.md`.
 *
 * @example Stream the environment of a small derivation and see its name
 * ```ts
 * import { derivation, streamNixShellImage } from 'dockertools'
 *
 * const hello = derivation({ name: 'hello', builder: '/bin/sh', args: ['-c', 'echo Hello > $out'] })
 * const image = streamNixShellImage({ drv: hello, tag: 'latest' })
 * console.log(image.imageName)
 * ```
 */
export function streamNixShellImage(args: StreamNixShellImageArgs): StreamRecipe {
  const resolved = resolveStreamNixShellArgs(args)
  const variant = { identify: nixShellIdentity(resolved) }
  return Object.assign(layeredRecipe('streamNixShellImage', { ...args }, resolved.layered, variant), {
    isExe: true,
  } as const)
}

/** Where the parts of the image belong, once its derivation is read. */
export function nixShellIdentity(resolved: ResolvedNixShellArgs): (context: BuildContext) => Promise<LayeredIdentity> {
  return async (context) => {
    const { args, unreferenced } = await planNixShell(resolved, context)
    return await identifyLayeredImage(args, context, unreferenced)
  }
}
