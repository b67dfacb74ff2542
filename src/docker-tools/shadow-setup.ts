import { isPathLike, namedArguments, optionalOf, type PathLike } from '#derivation'
import type { PackageChoice } from '#packages'
import { BASH } from './bin-sh.ts'
import { lookedUpPackage } from './looked-up-package.ts'

/** Arguments of `makeShadowSetup`. */
export interface ShadowSetupArgs {
  /** What has `useradd` and its like in `bin`: a store path, or something to be made. Default: `shadow` of nixpkgs (lock file, then Nix). */
  readonly shadow?: PathLike
  /** Root's shell, as a path. Default: bash, as for `binSh`. */
  readonly shell?: string
}

/** Not this machine's: they would find neither their loader nor their libraries in the image's root. */
const SHADOW: PackageChoice = {
  helper: 'shadowSetup',
  argument: 'shadow',
  attributes: ['shadow'],
  ofHost: () => undefined,
}

/**
 * A script for `runAsRoot`, or `fakeRootCommands` with `enableFakechroot`, that
 * makes the files which `useradd`, `groupadd` and their like work on, and puts
 * these programs into `PATH`. What is there already is left alone.
 *
 * @param args `shadow`: a package with `bin/useradd`; `shell`: the path of root's shell.
 * @returns The script; the package in it becomes an input of the image.
 * @throws {DockerToolsError} `DEFINITION_INVALID`; when the script is used, `PACKAGE_MISSING`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `shadowSetup`
 *
 * @example With a package of your own
 * ```ts
 * import { buildImage, makeShadowSetup, writeScriptBin } from 'dockertools'
 *
 * const shadow = writeScriptBin('useradd', '#!/bin/sh\necho "$1:x:1000:1000::/:/bin/sh" >> /etc/passwd\n')
 * const runAsRoot = `${makeShadowSetup({ shadow, shell: '/bin/sh' })}useradd app`
 * console.log(buildImage({ name: 'app', tag: '1', runAsRoot }).imageName)
 * ```
 */
export function makeShadowSetup(args: ShadowSetupArgs = {}): string {
  const named = namedArguments('makeShadowSetup', [args], [], ['shadow', 'shell'])
  const shadow = optionalOf('makeShadowSetup', named, 'shadow', isPackage, 'a store path, or something to be made')
  const shell = optionalOf('makeShadowSetup', named, 'shell', isShellPath, 'a path')
  return script(
    String(shadow ?? lookedUpPackage(SHADOW)),
    shell ?? `${lookedUpPackage({ ...BASH, helper: 'shadowSetup' }).toString()}/bin/bash`,
  )
}

/**
 * `makeShadowSetup` of what is looked up.
 *
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `shadowSetup`
 *
 * @example A user of the image's own
 * ```ts
 * import { buildImage, shadowSetup } from 'dockertools'
 *
 * const image = buildImage({ name: 'app', tag: '1', runAsRoot: `${shadowSetup}useradd --uid 1000 app` })
 * console.log(image.imageName)
 * ```
 */
export const shadowSetup: string = makeShadowSetup()

function script(shadow: string, shell: string): string {
  return `export PATH=${shadow}/bin:$PATH
mkdir -p /etc/pam.d
if [[ ! -f /etc/passwd ]]; then
  echo "root:x:0:0::/root:${shell}" > /etc/passwd
  echo "root:!x:::::::" > /etc/shadow
fi
if [[ ! -f /etc/group ]]; then
  echo "root:x:0:" > /etc/group
  echo "root:x::" > /etc/gshadow
fi
if [[ ! -f /etc/pam.d/other ]]; then
  cat > /etc/pam.d/other <<EOF
account sufficient pam_unix.so
auth sufficient pam_rootok.so
password requisite pam_unix.so nullok yescrypt
session required pam_unix.so
EOF
fi
if [[ ! -f /etc/login.defs ]]; then
  touch /etc/login.defs
fi
`
}

function isPackage(value: unknown): value is PathLike {
  return isPathLike(value) && !(typeof value === 'string' && value.startsWith('.'))
}

function isShellPath(value: unknown): value is string {
  return typeof value === 'string' && /^\/[^\s:"$`\\]+$/.test(value)
}
