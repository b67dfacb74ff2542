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
  const all = new Map<string, string>()
  const set = (given: Readonly<Record<string, string>>): void => {
    for (const [name, value] of Object.entries(given)) all.set(name, value)
  }
  if (certificates !== undefined) set({ SSL_CERT_FILE: certificates, NIX_SSL_CERT_FILE: certificates })
  // With this PATH the shell and `buildDerivation` can be what a container runs.
  set({ PATH: input.staticPath, HOME: input.homeDirectory, NIX_STORE: input.storeDir, NIX_BUILD_CORES: '1' })
  for (const [name, value] of variables) {
    const file = passedFiles.get(name)
    if (file === undefined) all.set(name, value)
    else all.set(`${name}Path`, file)
  }
  for (const name of ['NIX_BUILD_TOP', 'TMPDIR', 'TEMPDIR', 'TMP', 'TEMP', 'PWD']) all.set(name, BUILD_DIRECTORY)
  set({ TERM: 'xterm-256color' })
  return [...all].toSorted(byName).map(([name, value]) => `${name}=${value}`)
}

/** In the order of a Nix attribute set: by the bytes of names. */
function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
