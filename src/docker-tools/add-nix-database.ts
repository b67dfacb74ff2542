import { chmodSync, lstatSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DockerToolsError, systemErrorCode } from '#errors'
import { report } from '#events'
import { BUILD_EPOCH_SECONDS } from '#runner'
import { encodeNixDatabase, type MeasuredNode, NIX_SCHEMA_VERSION, type StorePath } from '#store'

/** What makes the store paths of an image a store that Nix works with. */
export interface NixDatabaseInput {
  /** What is registered: the closure of `contents`, sorted by path. */
  readonly closure: readonly MeasuredNode[]
  /** What Nix's garbage collection keeps, with all it refers to. */
  readonly contents: readonly StorePath[]
  /**
   * Where upstream has the root while it builds. Its Nix makes one absolute link, which leads there: nowhere, in a
   * container. It is made as it is, so that the layer is upstream's.
   */
  readonly upstreamRoot: '/build/layer' | '/build/old_out' | '/tmp/disk/layer'
}

const STATE = 'nix/var/nix'

/** Space that Nix keeps, so that it can still collect garbage on a disk that is full. */
const RESERVED_BYTES = 8 * 1024 * 1024

/**
 * Puts the database and the state of a Nix store into an image's root, as
 * `nix-store --load-db` would; without Nix, and with the same bytes everywhere.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID` if the root has one of the files already, or something else in a
 *   folder's place; `WRITE_FAILED`, `LIMIT_EXCEEDED`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `mkDbExtraCommand`
 */
export function addNixDatabase(root: string, { closure, contents, upstreamRoot }: NixDatabaseInput): void {
  report({ type: 'step', message: 'Generating the nix database...' })
  report({
    type: 'warning',
    code: 'NIX_DATABASE_OF_ONE_LAYER',
    message:
      'only the database of the deepest Nix layer is loaded. If you want to use nix commands in the container, ' +
      'it would be better to only have one layer that contains a nix store.',
  })
  const database = encodeNixDatabase(closure, BUILD_EPOCH_SECONDS)
  try {
    writeState(root, database, upstreamRoot)
    for (const path of new Set(contents)) makeLink(root, `${STATE}/gcroots/docker/${basename(path)}`, path)
  } catch (cause) {
    const code = cause instanceof DockerToolsError ? undefined : systemErrorCode(cause)
    if (code === undefined) throw cause
    const message = `Cannot add the Nix database to the image: the system says ${code}`
    throw new DockerToolsError('WRITE_FAILED', message, { cause })
  }
}

function writeState(root: string, database: Uint8Array, upstreamRoot: string): void {
  makeFolder(root, STATE)
  const hasRoots = lstatSync(join(root, STATE, 'gcroots'), { throwIfNoEntry: false }) !== undefined
  for (const folder of ['nix/store/.links', `${STATE}/db`, `${STATE}/temproots`]) makeFolder(root, folder)
  for (const folder of ['gcroots/docker', 'gcroots/per-user', 'profiles/per-user']) {
    makeFolder(root, `${STATE}/${folder}`)
  }
  makeFile(root, `${STATE}/db/big-lock`, 0o600, '')
  makeFile(root, `${STATE}/db/db.sqlite`, 0o644, database)
  makeFile(root, `${STATE}/db/reserved`, 0o600, '')
  truncateSync(join(root, STATE, 'db/reserved'), RESERVED_BYTES)
  makeFile(root, `${STATE}/db/schema`, 0o644, String(NIX_SCHEMA_VERSION))
  // Where the folder is there, Nix takes it as it is.
  if (!hasRoots) makeLink(root, `${STATE}/gcroots/profiles`, `${upstreamRoot}/${STATE}/profiles`)
}

/** With the folders above it. What is there stays as it is; no link is followed. */
function makeFolder(root: string, path: string): void {
  let below = ''
  for (const name of path.split('/')) {
    below = join(below, name)
    const place = join(root, below)
    const stats = lstatSync(place, { throwIfNoEntry: false })
    if (stats === undefined) {
      make(root, below, () => mkdirSync(place))
      chmodSync(place, 0o755)
    } else if (!stats.isDirectory()) throw conflict(`has "${below}", which should be a folder`)
  }
}

function makeFile(root: string, path: string, mode: number, body: string | Uint8Array): void {
  make(root, path, () => writeFileSync(join(root, path), body, { flag: 'wx' }))
  chmodSync(join(root, path), mode)
}

function makeLink(root: string, path: string, target: string): void {
  make(root, path, () => symlinkSync(target, join(root, path)))
}

/** Makes something in a folder, also where its copy has the modes of a store path, which only root can write to. */
function make(root: string, path: string, action: () => void): void {
  const folder = dirname(join(root, path))
  const mode = lstatSync(folder).mode & 0o7777
  const isClosed = (mode & 0o200) === 0
  if (isClosed) chmodSync(folder, mode | 0o200)
  try {
    action()
  } catch (error) {
    throw systemErrorCode(error) === 'EEXIST' ? conflict(`has "${path}" already`) : error
  }
  if (isClosed) chmodSync(folder, mode)
}

function conflict(fact: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot add the Nix database to the image: its root ${fact}`, {
    hint: 'Take it out of the contents, or leave the database away',
  })
}
