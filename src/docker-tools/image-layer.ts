import { TarSum } from '#archive'
import { report } from '#events'
import type { Digest } from '#image'
import { makeStreamHash, type PackedMember, packMembers, type StreamHash } from '#layer'
import { BUILD_EPOCH_SECONDS } from '#runner'
import { endOfArchive } from '#tar'
import { type CopiedEntry, CopiedTree, type FileBody, type TreeEntry, unpackTree } from '#tree'
import { type ByteString, byteStringToText, toByteString } from '#util'
import type { NixDatabaseInput } from './add-nix-database.ts'
import type { BuildContext } from './build-context.ts'
import type { StorePath } from '#store'
import type { DockerBaseImage } from './open-base-image.ts'
import { rsyncEntries } from './rsync-entries.ts'
import { runExtraCommands } from './run-extra-commands.ts'
import { scanned, type StoredTrees, unsupportedEntry } from './stored-trees.ts'

/** What an image's own layer is made of. */
export interface ImageLayerInput {
  readonly contents: readonly StorePath[]
  readonly keepContentsDirlinks: boolean
  readonly extraCommands: string
  readonly nixDatabase: NixDatabaseInput | undefined
  readonly uid: number
  readonly gid: number
  /** The closure of `contents` and of what the script names. */
  readonly visible: readonly StorePath[]
  readonly namesStorePaths: boolean
  /** What the script runs on top of, and its limits; null where there is no `runAsRoot`. */
  readonly root: RootScript | null
}

/** A script that runs in the image as its root. */
export interface RootScript {
  readonly script: string
  readonly base: DockerBaseImage | undefined
  readonly diskMiB: number
  readonly memoryMiB: number | undefined
}

/** The members of an image's own layer, before those of its closure. */
export interface ImageLayer extends AsyncDisposable {
  readonly members: readonly PackedMember[]
}

/** `mkdir`, and `chmod ug+w` afterwards. */
const ROOT_MODE = 0o755
export const ROOT_WRITABLE: number = 0o220

/**
 * Makes the layer of an image: contents copied, `extraCommands` run.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 * @throws {DockerToolsError} `FILE_TYPE_UNSUPPORTED`, and what stores throw.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `mkPureLayer`
 */
export async function makeImageLayer(
  input: ImageLayerInput,
  trees: StoredTrees,
  context: BuildContext,
): Promise<ImageLayer> {
  if (input.contents.length === 0) report({ type: 'step', message: 'No contents to add to layer.' })
  const tree = await copyContents(input, trees, context)
  tree.addRootMode(ROOT_WRITABLE)
  if (input.extraCommands === '' && input.nixDatabase === undefined) {
    return { members: [...members(tree.entries(), input)], [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const root = await runExtraCommands({
    populate: (path) => unpackTree(readable(tree.entries()), path),
    nixDatabase: input.nixDatabase,
    script: input.extraCommands,
    visible: input.visible,
    namesStorePaths: input.namesStorePaths,
    store: context.store,
    signal: context.signal,
    timeoutSeconds: context.scriptTimeoutSeconds,
  })
  try {
    return {
      members: [...members(scanned(toByteString(root.path)), input)],
      [Symbol.asyncDispose]: () => Promise.resolve(root[Symbol.asyncDispose]()),
    }
  } catch (error) {
    await root[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * The folders of `copyToRoot` copied over each other.
 *
 * @throws {DockerToolsError} `FILE_TYPE_UNSUPPORTED`, and what stores throw.
 */
export async function copyContents(
  input: Pick<ImageLayerInput, 'contents' | 'keepContentsDirlinks'>,
  trees: StoredTrees,
  context: BuildContext,
): Promise<CopiedTree<FileBody>> {
  const tree = new CopiedTree<FileBody>(ROOT_MODE, input.keepContentsDirlinks)
  if (input.contents.length > 0) report({ type: 'step', message: 'Adding contents...' })
  for (const item of input.contents) {
    report({ type: 'step', message: `Adding ${item}` })
    await tree.copy(item, rsyncEntries(item, !input.keepContentsDirlinks, context.store.dir, trees))
  }
  return tree
}

/**
 * The checksum that upstream's `tarsum` gives for the layer, and its bytes
 * handed on while it is taken.
 */
export async function* checksummed(
  layer: readonly PackedMember[],
  onChecksum: (checksum: string) => void,
): AsyncGenerator<Uint8Array> {
  const sum = new TarSum()
  yield* packMembers(layer, 'measure', {
    begin: (header) => {
      const name = (header.type === 'directory' ? `${header.path}/` : header.path) as ByteString
      sum.begin({ header, name, mode: header.mode, typeflag: TYPEFLAGS[header.type], attributes: new Map() })
    },
    body: (chunk) => sum.update(chunk),
  })
  onChecksum(sum.finish())
}

/** A layer that is being measured. */
export class LayerMeasure implements AsyncDisposable {
  readonly #hash: StreamHash
  #size = 0

  /** @param sizeHint About how many bytes it has: much is hashed on a thread of its own. */
  constructor(sizeHint: number, { threads }: Pick<BuildContext, 'threads'>) {
    this.#hash = makeStreamHash(sizeHint, threads)
  }

  update(chunk: Uint8Array): void | Promise<void> {
    this.#size += chunk.length
    return this.#hash.update(chunk)
  }

  /** With the end of the archive. */
  async finish(): Promise<{ readonly digest: Digest; readonly size: number; readonly end: Uint8Array }> {
    const end = endOfArchive(this.#size)
    await this.update(end)
    return { digest: `sha256:${await this.#hash.finish()}` as Digest, size: this.#size, end }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hash[Symbol.asyncDispose]()
  }
}

const TYPEFLAGS = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
} as const

/** The members for the files of a tree that belong to one owner. */
export function* members(
  entries: Iterable<CopiedEntry<FileBody>>,
  owner: { readonly uid: number; readonly gid: number },
): Generator<PackedMember> {
  for (const entry of entries) {
    const path = (entry.path === '' ? '.' : `./${entry.path}`) as ByteString
    const fields = { uid: owner.uid, gid: owner.gid, uname: nameOf(owner.uid), gname: nameOf(owner.gid) }
    if (entry.type === 'socket') {
      // As GNU tar, which says so and goes on: nothing in an image could use a socket.
      const message = `the socket "${byteStringToText(path)}" is left out of the layer`
      report({ type: 'warning', code: 'SOCKET_SKIPPED', message })
    } else yield packed(entry, { ...fields, path })
  }
}

/** What GNU tar calls an owner where only root is known. */
export function nameOf(id: number): ByteString {
  return toByteString(id === 0 ? 'root' : '')
}

/** The member for an entry. */
export function packed(
  entry: CopiedEntry<FileBody>,
  fields: Pick<PackedMember['header'], 'path' | 'uid' | 'gid' | 'uname' | 'gname'>,
): PackedMember {
  const meta = { ...fields, mode: entry.mode, mtimeSeconds: BUILD_EPOCH_SECONDS }
  switch (entry.type) {
    case 'file':
      return { header: { ...meta, type: 'file', size: entry.size }, body: entry.body }
    case 'symlink':
      return { header: { ...meta, type: 'symlink', target: entry.target } }
    case 'char':
    case 'block':
      return { header: { ...meta, type: entry.type, major: entry.major, minor: entry.minor } }
    case 'directory':
    case 'fifo':
      return { header: { ...meta, type: entry.type } }
    case 'socket':
      throw unsupportedEntry(fields.path, entry.type)
  }
}

// oxlint-disable-next-line require-await -- unpacking takes entries asynchronously
async function* readable(entries: Iterable<CopiedEntry<FileBody>>): AsyncGenerator<TreeEntry> {
  for (const entry of entries) {
    if (entry.type !== 'file') yield entry
    else {
      const { path, mode, size, body } = entry
      yield { path, mode, type: 'file', size, open: () => bodyChunks(body, size) }
    }
  }
}

async function* bodyChunks(body: FileBody, size: number): AsyncGenerator<Uint8Array> {
  const header = { path: toByteString('.'), mode: 0, uid: 0, gid: 0, uname: toByteString(''), gname: toByteString('') }
  const chunks: Uint8Array[] = []
  const member: PackedMember = { header: { ...header, mtimeSeconds: 0, type: 'file', size }, body }
  for await (const _ of packMembers([member], 'write', {
    begin: () => undefined,
    body: (chunk) => chunks.push(chunk),
  })) {
    while (chunks.length > 0) yield chunks.shift() as Uint8Array
  }
}
