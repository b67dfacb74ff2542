import {
  argumentOf,
  type Built,
  isPathLike,
  isText,
  namedArguments,
  optionalOf,
  type PathLike,
  writeTextFile,
} from '#derivation'
import { BASH } from './bin-sh.ts'
import { lookedUpPackage } from './looked-up-package.ts'
import { storeText } from './store-text.ts'
import { COREUTILS } from './usr-bin-env.ts'

/** Arguments of `shellScript`. */
export interface ShellScriptArgs {
  /** Name of the store path. */
  readonly name: string
  /** The script, without its first lines. */
  readonly text: string
  /** What has `bin/bash`. Default: as for `binSh`. */
  readonly bash?: PathLike
  /** What has `bin/mkdir` and its like. Default: as for `usrBinEnv`. */
  readonly coreutils?: PathLike
}

/**
 * An executable script that stops at the first failure, with the programs of
 * coreutils and those in `/bin` in its `PATH`.
 *
 * @param name Name of the store path.
 * @param text The script, without its first lines.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when it is made, `PACKAGE_MISSING`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `shellScript`
 *
 * @example With packages of your own
 * ```ts
 * import { realise, shellScript } from 'dockertools'
 *
 * const start = shellScript({ name: 'start', text: 'echo started', bash: './examples/hello/root', coreutils: './examples/hello/root' })
 * const { path } = await realise(start, { stores: ['local:./result-store'] })
 * console.log(path)
 * ```
 */
export function shellScript(name: string, text: string): Built
export function shellScript(args: ShellScriptArgs): Built
export function shellScript(...given: readonly unknown[]): Built {
  const args = namedArguments('shellScript', given, ['name', 'text'], ['bash', 'coreutils'])
  const text = argumentOf('shellScript', args, 'text', isText, 'a text')
  const what = 'a path, or something to be made'
  const bash = optionalOf('shellScript', args, 'bash', isPathLike, what)
  const coreutils = optionalOf('shellScript', args, 'coreutils', isPathLike, what)
  const shell = storeText(bash ?? lookedUpPackage({ ...BASH, helper: 'shellScript' }))
  const tools = storeText(coreutils ?? lookedUpPackage({ ...COREUTILS, helper: 'shellScript' }))
  return writeTextFile({
    name: argumentOf('shellScript', args, 'name', isText, 'a text'),
    executable: true,
    text: `#!${shell}/bin/bash\nset -e\nexport PATH=${tools}/bin:/bin\n${text}\n`,
  })
}
