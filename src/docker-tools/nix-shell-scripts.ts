/** What the start file of a nix-shell image depends on. Texts may have placeholders. */
export interface ShellStart {
  readonly shell: string
  readonly staticPath: string
  readonly command: string | null
  readonly run: string | null
}

/**
 * The start file of the shell: what `nix-shell` has its bash read, so that the environment, the prompt and
 * `shellHook` are those of a `nix-shell`.
 *
 * @see nix `src/nix-build/nix-build.cc`, where `rc` is written
 */
export function shellStartFile({ shell, staticPath, command, run }: ShellStart): string {
  const asked = [command, run].filter((text) => text !== null)
  return [
    'unset PATH',
    'dontAddDisableDepTrack=1',
    '[ -e $stdenv/setup ] && source $stdenv/setup',
    `PATH=${escapeShellArgument(staticPath)}:"$PATH"`,
    `SHELL=${escapeShellArgument(shell)}`,
    `BASH=${escapeShellArgument(shell)}`,
    'set +e',
    String.raw`[ -n "$PS1" -a -z "$NIX_SHELL_PRESERVE_PROMPT" ] && PS1='\n\[\033[1;32m\][nix-shell:\w]\$\[\033[0m\] '`,
    'if [ "$(type -t runHook)" = function ]; then',
    '  runHook shellHook',
    'fi',
    'unset NIX_ENFORCE_PURITY',
    'shopt -u nullglob',
    'shopt -s execfail',
    ...(asked.length === 0 ? [] : [...asked, 'exit']),
    '',
  ].join('\n')
}

/** The program `buildDerivation`: it becomes the derivation's builder. */
export function buildScript(interpreter: string, builder: string, args: readonly string[]): string {
  return `#!${interpreter}\nexec ${[builder, ...args].map(escapeShellArgument).join(' ')}\n`
}

/**
 * A text as one word of a shell.
 *
 * @see nixpkgs `lib/strings.nix`, `escapeShellArg`
 */
export function escapeShellArgument(text: string): string {
  return /^[A-Za-z0-9,._+:@%/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
