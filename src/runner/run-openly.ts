import { lstatSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import { makeTempDir, spawnChecked } from '#util'
import { findText } from './find-text.ts'
import type { BuilderJob } from './builder-job.ts'
import { writeBuildFiles } from './write-build-files.ts'

/**
 * Runs a builder where the machine gives no namespaces: as the user who calls,
 * with the network and all files of that user. Its outputs are made where they
 * are taken from, so it does not see them at the place they will have; an output
 * that names the wrong place is refused.
 *
 * @param reason Why it cannot be isolated.
 * @throws {DockerToolsError} `STORE_UNAVAILABLE` if an input is not at its place; `OUTPUT_INVALID`.
 */
export async function runOpenly(job: BuilderJob, reason: string, signal: AbortSignal | undefined): Promise<void> {
  const absent = job.inputs.find(({ logical }) => lstatSync(logical, { throwIfNoEntry: false }) === undefined)
  if (absent !== undefined) {
    throw new DockerToolsError(
      'STORE_UNAVAILABLE',
      `Cannot run ${job.step}: it has to see "${absent.logical}", which is not there, and cannot be shown it: ${reason}`,
      { hint: 'Allow user namespaces, or let an installed Nix build with --builder nix' },
    )
  }
  const message = `${job.step} is not isolated, it can use the network and all files of this user: ${reason}`
  report({ type: 'warning', code: 'NOT_ISOLATED', message })
  const { step } = job
  const made = dirname(job.outputsFolder)
  await using plain = await makePlain(made)
  const [outputsFolder, buildFolder] = [job.outputsFolder, job.buildFolder].map((folder) =>
    join(plain.path, basename(folder)),
  ) as [string, string]
  const command = job.command({ buildFolder, placeOf: (path) => join(outputsFolder, basename(path)) })
  await writeBuildFiles(buildFolder, command.files)
  const { program, args, env } = command
  const shell = ['-c', 'umask 022; exec "$0" "$@"', program, ...args]
  await spawnChecked('/bin/sh', shell, { step, cwd: buildFolder, env, signal })
  const found = findText(job.outputsFolder, made) ?? findText(job.outputsFolder, plain.path)
  if (found === undefined) return
  throw new DockerToolsError(
    'OUTPUT_INVALID',
    `Cannot use what ${step} made: "${found.slice(job.outputsFolder.length + 1)}" names the folder that it was made in, it should name "${job.storeDir}"`,
    { hint: `A builder sees its output at its place where it is isolated, which it is not here: ${reason}` },
  )
}

/** A way to a folder that scripts need not quote, as store paths need not be. */
async function makePlain(folder: string): Promise<AsyncDisposable & { readonly path: string }> {
  if (isPlain(folder)) return { path: folder, [Symbol.asyncDispose]: () => Promise.resolve() }
  const temp = await makeTempDir('plain-', isPlain(tmpdir()) ? tmpdir() : '/tmp')
  const path = join(temp.path, 'here')
  await symlink(folder, path)
  return { path, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() }
}

function isPlain(path: string): boolean {
  return /^[\w./+=@-]+$/.test(path)
}
