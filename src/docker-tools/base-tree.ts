import {
  DEFAULT_IMAGE_LIMITS,
  type DockerLayer,
  indexLayer,
  isPlainLayer,
  MergedTree,
  type PlainLayer,
  scanLayer,
  verifyLayer,
} from '#archive'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import type { PackedMember } from '#layer'
import { BUILD_EPOCH_SECONDS } from '#runner'
import type { IndexedTarMember } from '#tar'
import type { ByteString } from '#util'
import { nameOf } from './image-layer.ts'
import type { DockerBaseImage } from './open-base-image.ts'
import { readAhead } from './read-ahead.ts'

/** The file system of a base image, whose contents are read where they are. */
export interface BaseTree extends AsyncDisposable {
  readonly members: readonly PackedMember[]
  /**
   * Resolves once the digests of all layers are what they should be, and rejects where one is not. It takes reading
   * them, which goes on meanwhile: whoever makes something of the members has to wait for it before that is used.
   */
  readonly verified: Promise<void>
}

/** A layer in order: how its contents are read, and whether its digest is still to be compared. */
interface ListedLayer {
  readonly members: readonly IndexedTarMember[]
  readonly content: Pick<PlainLayer, 'readNow'>
  readonly isVerified: boolean
}

/**
 * Lays the layers of a base image on top of each other. Of a layer that is
 * there several times the last counts.
 *
 * @throws {DockerToolsError} as `MergedTree.apply`. @throws {IntegrityError} `DIGEST_MISMATCH`, here or by `verified`.
 */
export async function openBaseTree(
  { image, what }: DockerBaseImage,
  signal: AbortSignal | undefined,
): Promise<BaseTree> {
  await using stack = new AsyncDisposableStack()
  const tree = new MergedTree()
  const contents: ListedLayer['content'][] = []
  const unverified: DockerLayer[] = []
  const last = new Map(image.layers.map((layer, index) => [layer.member, index]))
  for (const [index, layer] of image.layers.entries()) {
    signal?.throwIfAborted()
    if (last.get(layer.member) !== index) continue
    report({ type: 'step', message: `Unpacking layer ${layer.member}` })
    const { members, content, isVerified } = await listLayer(layer, what, stack, signal)
    contents.push(readAhead(content))
    if (!isVerified) unverified.push(layer)
    tree.apply(members, `layer "${layer.member}" of ${what}`)
  }
  const members = [...tree.entries()].map(({ path, node }): PackedMember => {
    const { mode, uid, gid } = node
    const owner = { uid, gid, uname: nameOf(uid), gname: nameOf(gid), mtimeSeconds: BUILD_EPOCH_SECONDS }
    const meta = { ...owner, mode, path: (path === '' ? '.' : `./${path}`) as ByteString }
    if (node.type !== 'file') return { header: { ...meta, ...node } }
    const spool = contents[node.layer]
    if (spool === undefined) throw new DockerToolsError('INTERNAL', `Cannot find layer ${node.layer}`)
    const body = { kind: 'spool', spool, offset: node.bodyOffset } as const
    return { header: { ...meta, type: 'file', size: node.size }, body }
  })
  const verified = verifyLayers(unverified, what, stack)
  const owner = stack.move()
  return { members, verified, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}

/**
 * A plain layer is only listed, which hardly takes any time. One that is compressed has to be read for that, and is checked
 * on the way.
 */
async function listLayer(
  layer: DockerLayer,
  what: string,
  stack: AsyncDisposableStack,
  signal: AbortSignal | undefined,
): Promise<ListedLayer> {
  if (await isPlainLayer(layer)) {
    return { members: await indexPlain(layer, what, signal), content: layer, isVerified: false }
  }
  const file = {
    size: layer.header.size,
    read: (offset: number, length: number) => layer.read(offset, length),
    stream: () => layer.open(),
    readNow: (target: Uint8Array, offset: number) => layer.readNow(target, offset),
  }
  const { member: name, diffId } = layer
  const stored = { name, diffId, blobDigest: undefined, mediaType: undefined, file }
  const members: IndexedTarMember[] = []
  const content = stack.use(await scanLayer(stored, what, DEFAULT_IMAGE_LIMITS, (member) => void members.push(member)))
  return { members, content, isVerified: true }
}

async function indexPlain(
  layer: DockerLayer,
  what: string,
  signal: AbortSignal | undefined,
): Promise<readonly IndexedTarMember[]> {
  try {
    return await indexLayer(layer, what, DEFAULT_IMAGE_LIMITS, signal)
  } catch (error) {
    // A layer that was spoilt says anything: that it was says more.
    await verifyLayer(layer, what, signal ?? new AbortController().signal)
    throw error
  }
}

/** Begins to compare digests. It ends with its owner: the archive is closed after that. */
function verifyLayers(layers: readonly DockerLayer[], what: string, stack: AsyncDisposableStack): Promise<void> {
  const stop = new AbortController()
  const verify = async (): Promise<void> => {
    for (const layer of layers) await verifyLayer(layer, what, stop.signal)
  }
  const verified = verify()
  // Whoever waits for it is told; where nobody does, something else has failed.
  const settled = verified.catch(() => undefined)
  stack.defer(async () => {
    stop.abort()
    await settled
  })
  return verified
}

/**
 * What of a base can still be seen when something is laid over it: nothing below
 * a name that is no folder there, and of equal names only folders.
 */
export function visibleBase(base: readonly PackedMember[], upper: readonly PackedMember[]): PackedMember[] {
  const types = new Map(upper.map(({ header }) => [header.path, header.type]))
  const hidden = new Set<ByteString>()
  return base.filter(({ header }) => {
    const type = types.get(header.path)
    const isReplaced = type !== undefined && (type !== 'directory' || header.type !== 'directory')
    if (!isReplaced && (hidden.size === 0 || !hidden.has(folderOf(header.path)))) return true
    hidden.add(header.path)
    return false
  })
}

function folderOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf('/'))) as ByteString
}
