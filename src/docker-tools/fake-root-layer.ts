import { join } from 'node:path'
import { report } from '#events'
import { type PackedMember } from '#layer'
import { type RunJob, runJob, scriptEnvironment, STRICT_BASH } from '#runner'
import type { StorePath } from '#store'
import type { CopiedEntry, FileBody } from '#tree'
import { type ByteString, byteStringToText, makeTempDir, toByteString } from '#util'
import type { BuildContext } from './build-context.ts'
import { changedMembers } from './changed-members.ts'
import { packed } from './image-layer.ts'
import { foldersOf, missingMountPoints } from './mount-points.ts'
import { findBinds } from './script-store.ts'
import { sortMembers, treeSource } from './tree-source.ts'

/** What `fakeRootCommands` runs with. */
export interface FakeRootJob {
  readonly script: string
  /** Whether it sees the image as its root. */
  readonly isChroot: boolean
  readonly visible: readonly StorePath[]
  readonly namesStorePaths: boolean
}

/** The members of a layer, for as long as it is there. */
export interface FakeRootLayer extends AsyncDisposable {
  readonly members: readonly PackedMember[]
}

/** Where upstream builds: it is mounted in the image too, and left out of the layer. */
const BUILD_FOLDER = 'build'

/**
 * Runs `fakeRootCommands` over a tree that belongs to root, and gives the tree as it is then.
 *
 * With `isChroot` the folders that something of the machine is mounted on are
 * left out, as upstream leaves them out; a folder above the store stays.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`. @throws {DockerToolsError} as `runJob`.
 */
export async function runFakeRootCommands(
  entries: readonly CopiedEntry<FileBody>[],
  job: FakeRootJob,
  context: BuildContext,
): Promise<FakeRootLayer> {
  const given = entries.flatMap(rootMember)
  if (!job.isChroot) return await run(given, 'folder', job, context)
  const points = missingMountPoints([treeSource(given).entries], context.store.dir, [BUILD_FOLDER])
  const mountable = sortMembers([...given, ...points.flatMap((point) => rootMember({ ...point, type: 'directory' }))])
  const layer = await run(mountable, 'image', job, context)
  return { ...layer, members: layer.members.filter(({ header }) => !isLeftOut(header.path, context.store.dir)) }
}

async function run(
  given: readonly PackedMember[],
  view: RunJob['view'],
  { script, visible, namesStorePaths }: FakeRootJob,
  context: BuildContext,
): Promise<FakeRootLayer> {
  if (script.trim() === '') return { members: given, [Symbol.asyncDispose]: () => Promise.resolve() }
  await using scratch = await makeTempDir('store-')
  const binds = await findBinds(visible, context.store, join(scratch.path, 'store'))
  const { TMPDIR: _1, TEMPDIR: _2, TMP: _3, TEMP: _4, ...environment } = scriptEnvironment('/tmp')
  const changes = await runJob(
    {
      step: 'fakeRootCommands',
      script,
      bashOptions: STRICT_BASH,
      view,
      base: undefined,
      upper: treeSource(given),
      store: { dir: context.store.dir, binds, isNeeded: namesStorePaths },
      environment,
      limits: { diskMiB: undefined, memoryMiB: undefined, timeoutSeconds: context.scriptTimeoutSeconds },
    },
    context.runner,
    context.signal,
    { kernel: context.vmKernel },
  )
  return {
    members: changedMembers(changes.entries, noName),
    [Symbol.asyncDispose]: () => Promise.resolve(changes[Symbol.asyncDispose]()),
  }
}

/** Upstream's layer has numbers only. */
function noName(): ByteString {
  return toByteString('')
}

/** The member for a file that belongs to root. */
export function rootMember(entry: CopiedEntry<FileBody>): PackedMember[] {
  const path = (entry.path === '' ? '.' : `./${entry.path}`) as ByteString
  const owner = { uid: 0, gid: 0, uname: noName(), gname: noName() }
  if (entry.type !== 'socket') return [packed(entry, { ...owner, path })]
  // As GNU tar, which says so and goes on: nothing in an image could use a socket.
  const message = `the socket "${byteStringToText(path)}" is left out of the customisation layer`
  report({ type: 'warning', code: 'SOCKET_SKIPPED', message })
  return []
}

function isLeftOut(path: ByteString, storeDir: string): boolean {
  const covered = ['dev', 'proc', 'sys', BUILD_FOLDER, foldersOf(storeDir).at(-1) ?? '']
  return covered.some((folder) => path === `./${folder}` || path.startsWith(`./${folder}/`))
}
