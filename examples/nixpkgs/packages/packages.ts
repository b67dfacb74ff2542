/**
 * What the examples use of nixpkgs, made from what a machine without Nix has: programs of Debian's base system, and a
 * program `hello` of our own.
 */
import { type Built, hostProgram, runCommand } from 'dockertools'
import { helloWorld } from './hello-world.ts'

/** Programs of this machine have to be linked into the root of an image, for their loader and libraries: put them into its contents. */
export const bash: Built = hostProgram('/bin/bash', { name: 'bash' })

export const coreutils: Built = hostProgram(
  ['cat', 'chmod', 'cp', 'env', 'id', 'ln', 'ls', 'mkdir', 'readlink', 'sleep', 'stat'].map((name) => `/bin/${name}`),
  { name: 'coreutils' },
)

export const sed: Built = hostProgram('/bin/sed', { name: 'sed' })

export const perl: Built = hostProgram('/usr/bin/perl', { name: 'perl' })

/** In Go's words, as an image has it. */
export type Architecture = 'amd64' | 'arm64'

export const thisArchitecture: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'

/** Needs nothing else, not even a loader. */
export const hello: Built = makeHello('hello', thisArchitecture)

/** The same program under another name, or for another processor. */
export function makeHello(name: string, architecture: Architecture): Built {
  const program = Buffer.from(helloWorld(architecture)).toString('base64')
  return runCommand(
    name,
    { program },
    `
      mkdir -p $out/bin
      printf %s "$program" | base64 -d > $out/bin/hello
      chmod +x $out/bin/hello
    `,
  )
}

/** In place of Nix: a program that lists the store, and a link beside it, as Nix's package has them. */
export const nix: Built = runCommand(
  'nix',
  { program: `#!${bash}/bin/bash\nprintf '%s\\n' /nix/store/*\n` },
  `
    mkdir -p $out/bin
    printf %s "$program" > $out/bin/nix
    chmod +x $out/bin/nix
    ln -s nix $out/bin/nix-daemon
  `,
)
