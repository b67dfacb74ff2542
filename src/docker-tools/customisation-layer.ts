import { createHash } from 'node:crypto'
import { report } from '#events'
import type { Content, Digest } from '#image'
import { type PackedMember, packMembers } from '#layer'
import type { StorePath } from '#store'
import { endOfArchive } from '#tar'
import { joinTrees, type JoinedTree, materialize } from '#tree'
import { byteStringToText, makeSpool, type Spool, toByteString } from '#util'
import type { BuildContext } from './build-context.ts'
import type { NixDatabaseInput } from './add-nix-database.ts'
import { contentEntries } from './content-entries.ts'
import { rootMember, runFakeRootCommands } from './fake-root-layer.ts'
import { findKnownReferences } from './find-references.ts'
import { runExtraCommands } from './run-extra-commands.ts'
import { scanned } from './stored-trees.ts'

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
  readonly fakeRootCommands: string
  readonly enableFakechroot: boolean
  readonly nixDatabase: NixDatabaseInput | undefined
  /**
   * The closure of `contents` and of what the scripts name. Their hash parts count as references
   * wherever they stand, even without the store's folder before them, as in Nix; the scripts see them.
   */
  readonly known: readonly StorePath[]
  /** Whether the scripts' own texts name store paths. */
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
  context: BuildContext,
): Promise<CustomisationLayer> {
  const { known, extraCommands: script, namesStorePaths, nixDatabase, fakeRootCommands, enableFakechroot } = input
  const { store, signal, scriptTimeoutSeconds: timeoutSeconds } = context
  const tree = await joinContents(input.contents, context)
  const populate = (path: string): Promise<void> => materialize(tree, path)
  const job = { populate, nixDatabase, script, visible: known, namesStorePaths, store, signal, timeoutSeconds }
  const staysInMemory = script === '' && nixDatabase === undefined
  await using root = staysInMemory ? undefined : await runExtraCommands(job)
  const entries = root === undefined ? tree.entries('bytes') : scanned(toByteString(root.path))
  if (fakeRootCommands === '' && !enableFakechroot) return await pack(entries.flatMap(rootMember), known, context)
  const fake = { script: fakeRootCommands, isChroot: enableFakechroot, visible: known, namesStorePaths }
  await using layer = await runFakeRootCommands([...entries], fake, context)
  return await pack(layer.members, known, context)
}

async function joinContents(contents: readonly StorePath[], { store }: BuildContext): Promise<JoinedTree> {
  const sources = contents.map((path) => ({ target: toByteString(path), entries: contentEntries(store, path) }))
  return await joinTrees(sources, (collision) =>
    report({
      type: 'warning',
      code: 'CONTENTS_COLLISION',
      message: `"${byteStringToText(collision.path)}" of "${byteStringToText(collision.source)}" is left out: an earlier item of contents has it`,
    }),
  )
}

async function pack(
  members: Iterable<PackedMember>,
  known: readonly StorePath[],
  { store }: BuildContext,
): Promise<CustomisationLayer> {
  const spool = makeSpool(SPOOL_MEMORY_BYTES)
  try {
    const hash = createHash('sha256')
    for await (const chunk of packMembers(members, 'measure', undefined, 'gnu-numeric')) {
      hash.update(chunk)
      await spool.write(chunk)
    }
    const end = endOfArchive(spool.size)
    hash.update(end)
    await spool.write(end)
    const digest = `sha256:${hash.digest('hex')}` as Digest
    const references = await findKnownReferences(spool.read(), known, store.dir)
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
