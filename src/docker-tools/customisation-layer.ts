import { createHash } from 'node:crypto'
import { report } from '#events'
import type { Content, Digest } from '#image'
import { toTarEntry } from '#layer'
import { BUILD_EPOCH_SECONDS } from '#runner'
import type { Store, StorePath } from '#store'
import { type TarEntry, writeTar } from '#tar'
import { joinTrees, type JoinedTree, materialize, type TreeEntry, treeEntries } from '#tree'
import { type ByteString, byteStringToText, makeSpool, type Spool, toByteString } from '#util'
import type { NixDatabaseInput } from './add-nix-database.ts'
import { contentEntries } from './content-entries.ts'
import { findReferences } from './find-references.ts'
import { runExtraCommands } from './run-extra-commands.ts'

/** The layer on top of a layered image: contents joined by symlinks, and what `extraCommands` made of them. */
export interface CustomisationLayer extends AsyncDisposable {
  readonly content: Content
  /** Store paths that its bytes name. */
  readonly references: readonly StorePath[]
}

/** Larger layers than this wait on disk. */
const SPOOL_MEMORY_BYTES = 16 * 1024 * 1024

/** What the layer is made of. */
export interface CustomisationInput {
  readonly contents: readonly StorePath[]
  readonly extraCommands: string
  readonly nixDatabase: NixDatabaseInput | undefined
  /**
   * The closure of `contents` and of what the script names. Their hash parts count as references
   * wherever they stand, even without the store's folder before them, as in Nix; the script sees them.
   */
  readonly known: readonly StorePath[]
  /** Whether the script's own text names store paths. */
  readonly namesStorePaths: boolean
}

/**
 * Makes the customisation layer, to the byte as upstream's GNU tar packs it.
 *
 * @throws {ScriptError} `SCRIPT_FAILED`.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `streamLayeredImage`, `customisationLayer`
 */
export async function makeCustomisationLayer(
  input: CustomisationInput,
  context: { readonly store: Store; readonly signal: AbortSignal | undefined },
): Promise<CustomisationLayer> {
  const { known, extraCommands: script, namesStorePaths, nixDatabase } = input
  const { store, signal } = context
  const tree = await joinContents(input.contents, store)
  if (script === '' && nixDatabase === undefined) return pack(treeOf(tree), known, store)
  await using root = await runExtraCommands({
    populate: (path) => materialize(tree, path),
    nixDatabase,
    script,
    visible: known,
    namesStorePaths,
    store,
    signal,
  })
  return await pack(treeEntries(toByteString(root.path), 'bytes'), known, store)
}

async function joinContents(contents: readonly StorePath[], store: Store): Promise<JoinedTree> {
  const sources = contents.map((path) => ({ target: toByteString(path), entries: contentEntries(store, path) }))
  return await joinTrees(sources, (collision) =>
    report({
      type: 'warning',
      code: 'CONTENTS_COLLISION',
      message: `"${byteStringToText(collision.path)}" of "${byteStringToText(collision.source)}" is left out: an earlier item of contents has it`,
    }),
  )
}

function* treeOf(tree: JoinedTree): Generator<TreeEntry> {
  yield* tree.entries('bytes')
}

async function pack(
  entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>,
  known: readonly StorePath[],
  store: Store,
): Promise<CustomisationLayer> {
  const spool = makeSpool(SPOOL_MEMORY_BYTES)
  try {
    const hash = createHash('sha256')
    for await (const chunk of writeTar(members(entries), 'gnu-numeric')) {
      hash.update(chunk)
      await spool.write(chunk)
    }
    const digest = `sha256:${hash.digest('hex')}` as Digest
    const references = await findReferences(spool.read(), known, store, 'the customisation layer')
    return {
      content: { digest, size: spool.size, open: () => spool.read() },
      references,
      [Symbol.asyncDispose]: () => disposeOf(spool),
    }
  } catch (error) {
    await disposeOf(spool)
    throw error
  }
}

async function disposeOf(spool: Spool): Promise<void> {
  await spool[Symbol.asyncDispose]()
}

/** Everything belongs to 0: the builder owns it, and fakeroot shows what the builder owns as root's. */
async function* members(entries: Iterable<TreeEntry> | AsyncIterable<TreeEntry>): AsyncGenerator<TarEntry> {
  const owner = { uid: 0, gid: 0, uname: toByteString(''), gname: toByteString('') }
  for await (const entry of entries) {
    const path = (entry.path === '' ? '.' : `./${entry.path}`) as ByteString
    const meta = { ...owner, path, mode: entry.mode, mtimeSeconds: BUILD_EPOCH_SECONDS }
    const member = toTarEntry(entry, meta)
    if (member !== undefined) yield member
    // As GNU tar, which says so and goes on: nothing in an image could use a socket.
    else {
      report({
        type: 'warning',
        code: 'SOCKET_SKIPPED',
        message: `the socket "${byteStringToText(path)}" is left out of the customisation layer`,
      })
    }
  }
}
