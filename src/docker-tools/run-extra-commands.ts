import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type JoinedTree, materialize } from '#tree'
import { makeTempDir, spawnChecked, type TempDir } from '#util'
import { scriptEnvironment } from './script-environment.ts'

/** A folder in which the script has run. */
export interface CustomisedRoot extends AsyncDisposable {
  /** The image's root on disk. */
  readonly path: string
}

/**
 * Puts the joined contents on disk and runs `extraCommands` in it, as upstream
 * does: with `bash -e -o pipefail`, umask 022, and as the user that builds.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 * @throws {DockerToolsError} `INTERRUPTED`, `PROGRAM_MISSING`.
 */
export async function runExtraCommands(
  tree: JoinedTree,
  script: string,
  signal: AbortSignal | undefined,
): Promise<CustomisedRoot> {
  const scratch = await makeTempDir('root-')
  try {
    await runIn(scratch, tree, script, signal)
    return {
      path: join(scratch.path, 'root'),
      [Symbol.asyncDispose]: () => Promise.resolve(scratch[Symbol.asyncDispose]()),
    }
  } catch (error) {
    await scratch[Symbol.asyncDispose]()
    throw error
  }
}

async function runIn(
  scratch: TempDir,
  tree: JoinedTree,
  script: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const root = join(scratch.path, 'root')
  const temp = join(scratch.path, 'tmp')
  const file = join(scratch.path, 'extraCommands')
  await materialize(tree, root)
  await mkdir(temp)
  // A file of its own: an argument could not be longer than 128 KiB, and messages get the script's own line numbers.
  await writeFile(file, `${script}\n`)
  await spawnChecked(
    'bash',
    ['-e', '-o', 'pipefail', '-O', 'nullglob', '-c', 'umask 022; source "$1"', 'extraCommands', file],
    { step: 'extraCommands', cwd: root, env: scriptEnvironment(temp), signal },
  )
}
