import { runBuilder } from '#runner'
import type { StorePath } from '#store'
import { bindOf } from './run-derivation.ts'
import type { Workplace } from './realise-instance.ts'
import type { RealiseSession } from './realisable.ts'

/** Where programs of the machine are; builders see them there. */
export const MACHINE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** What runs scripts, unless another shell is given. */
export const DEFAULT_SHELL = '/bin/bash'
/** Bash, stopping at the first failure, as nixpkgs' standard environment has it; the script is the file that the variable names. */
export const SHELL_ARGUMENTS: readonly string[] = ['-e', '-o', 'pipefail', '-O', 'nullglob', '-c']
/** Variables of a script that are not its own. */
export const SHELL_VARIABLES: Readonly<Record<string, string>> = {
  PATH: MACHINE_PATH,
  LC_ALL: 'C',
  TZ: 'UTC',
  SOURCE_DATE_EPOCH: '315532800',
}

/**
 * Runs a script over an output that is on disk already, as a builder sees it.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 */
export async function runShellStep(
  session: RealiseSession,
  place: Workplace,
  step: { readonly name: string; readonly shell: string; readonly script: string; readonly out: StorePath },
): Promise<void> {
  await runBuilder({
    step: `postBuild of "${step.name}"`,
    command: ({ buildFolder, placeOf }) => ({
      program: step.shell,
      args: [...SHELL_ARGUMENTS, 'source "$0"', `${buildFolder}/.script`],
      env: {
        ...SHELL_VARIABLES,
        HOME: '/homeless-shelter',
        TMPDIR: buildFolder,
        name: step.name,
        out: placeOf(step.out),
      },
      files: new Map([['.script', `${step.script}\n`]]),
    }),
    storeDir: session.store.dir,
    outputsFolder: place.outputsFolder,
    buildFolder: place.buildFolder,
    scratch: place.scratch,
    inputs: await session.all(place.visible.map((path) => bindOf(session.writable, path))),
    hasNetwork: false,
    timeLimitSeconds: session.timeLimitSeconds,
    signal: session.signal,
  })
}
