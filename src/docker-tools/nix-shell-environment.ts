import { jsonObject, sortJson, isJsonObject } from '#image'
import { BUILD_DIRECTORY } from './resolve-nix-shell-args.ts'

/** What the environment of a nix-shell image is made of. Values may have placeholders. */
export interface NixShellEnvironment {
  /** The derivation's variables, its outputs among them. */
  readonly variables: ReadonlyMap<string, string>
  /** Files with the values of those that are passed in files. */
  readonly passedFiles: ReadonlyMap<string, string>
  /** `PATH` before the derivation has its say. */
  readonly staticPath: string
  readonly homeDirectory: string
  readonly storeDir: string
  /** A file with certificates of authorities, if there is one. */
  readonly certificates: string | undefined
}

/**
 * The environment of a builder of the derivation, as `Env` of an image: sorted by names.
 *
 * @see nix `src/libstore/build/local-derivation-goal.cc`, `initEnv`
 */
export function nixShellEnvironment(input: NixShellEnvironment): readonly string[] {
  const { variables, passedFiles, certificates } = input
  const own = [...variables].map(([name, value]): readonly [string, string] => {
    const file = passedFiles.get(name)
    return file === undefined ? [name, value] : [`${name}Path`, file]
  })
  const all = {
    ...(certificates === undefined ? {} : { SSL_CERT_FILE: certificates, NIX_SSL_CERT_FILE: certificates }),
    // So that the shell and `buildDerivation` can be what a container runs.
    PATH: input.staticPath,
    HOME: input.homeDirectory,
    NIX_STORE: input.storeDir,
    NIX_BUILD_CORES: '1',
    ...Object.fromEntries(own),
    NIX_BUILD_TOP: BUILD_DIRECTORY,
    TMPDIR: BUILD_DIRECTORY,
    TEMPDIR: BUILD_DIRECTORY,
    TMP: BUILD_DIRECTORY,
    TEMP: BUILD_DIRECTORY,
    PWD: BUILD_DIRECTORY,
    TERM: 'xterm-256color',
  }
  const sorted = sortJson(jsonObject(all))
  return isJsonObject(sorted) ? [...sorted].map(([name, value]) => `${name}=${String(value)}`) : []
}
