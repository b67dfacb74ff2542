import { type Built, type Coercible, derivation, type DerivationRecipe, writeTextDir } from 'dockertools'
import { bash, coreutils } from './packages.ts'

/** The smallest standard environment: `PATH` from inputs, and a builder that runs `buildCommand`. */
const stdenv: Built = writeTextDir(
  'setup',
  `
PATH=${bash}/bin:${coreutils}/bin
for package in $nativeBuildInputs; do PATH=$package/bin:$PATH; done
export PATH
runHook() { eval "\${!1:-}"; }
genericBuild() { eval "$buildCommand"; }
`,
)

/** A derivation whose environment is what counts, as nixpkgs' function makes it. */
export function mkShell(env: Readonly<Record<string, Coercible>>): DerivationRecipe {
  return derivation({
    name: 'nix-shell',
    builder: `${bash}/bin/bash`,
    args: ['-e', '-c', 'source $stdenv/setup; genericBuild'],
    initialPath: [bash, coreutils],
    stdenv,
    ...env,
  })
}
