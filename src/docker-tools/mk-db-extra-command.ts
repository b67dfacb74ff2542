import { closureInfo, isPathLike, type PathLike } from '#derivation'
import { DockerToolsError } from '#errors'
import { storeText } from './store-text.ts'

/**
 * Commands for `extraCommands` that make a Nix database of the closure of
 * `contents` in the image's root, with the machine's own `nix-store` and
 * `sqlite3`. `includeNixDB` does it without them, and gives the same bytes each time.
 *
 * @param contents What the database registers, with its closure.
 * @returns The commands.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `mkDbExtraCommand`
 *
 * @example See the commands
 * ```ts
 * import { mkDbExtraCommand } from 'dockertools'
 *
 * console.log(mkDbExtraCommand(['/nix/store/1rxj0f9d4h34pihxzxqrd5hn8yfhfb5f-hello-1.0']))
 * ```
 */
export function mkDbExtraCommand(contents: PathLike | readonly PathLike[]): string {
  const given: readonly unknown[] = Array.isArray(contents) ? contents : [contents]
  if (!given.every(isPathLike)) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      'Cannot call mkDbExtraCommand: its contents should be a path, something to be made, or a list of these',
    )
  }
  const paths = given.map(storeText)
  const registration = `${String(closureInfo({ rootPaths: paths }))}/registration`
  return [
    'echo "Generating the nix database..."',
    'echo "Warning: only the database of the deepest Nix layer is loaded."',
    'export NIX_REMOTE=local?root=$PWD',
    'export USER=nobody',
    `nix-store --load-db < ${registration}`,
    'sqlite3 nix/var/nix/db/db.sqlite "UPDATE ValidPaths SET registrationTime = ${SOURCE_DATE_EPOCH}"',
    'mkdir -p nix/var/nix/gcroots/docker/',
    ...paths.map((path) => `ln -s ${path} "nix/var/nix/gcroots/docker/$(basename ${path})"`),
    '',
  ].join('\n')
}
