import { DEFAULT_IMAGE_LIMITS, type DockerLayer, isPlainLayer, MergedTree, type PlainLayer, scanLayer } from '#archive'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import type { PackedMember } from '#layer'
import { BUILD_EPOCH_SECONDS } from '#runner'
import { type IndexedTarMember, readTarIndex } from '#tar'
import type { ByteString } from '#util'
import { nameOf } from './image-layer.ts'
import type { DockerBaseImage } from './open-base-image.ts'

/** The file system of a base image, whose contents are read where they are. */
export interface BaseTree extends AsyncDisposable {
  readonly members: readonly PackedMember[]
}

/**
 * Lays the layers of a base image on top of each other. Of a layer that is
 * there several times the last counts.
 *
 * @throws {DockerToolsError} as `MergedTree.apply`. @throws {IntegrityError} `DIGEST_MISMATCH`.
 */
export async function openBaseTree(
  { image, what }: DockerBaseImage,
  signal: AbortSignal | undefined,
): Promise<BaseTree> {
  await using stack = new AsyncDisposableStack()
  const tree = new MergedTree()
  const plain: Pick<PlainLayer, 'readNow'>[] = []
  const last = new Map(image.layers.map((layer, index) => [layer.member, index]))
  for (const [index, layer] of image.layers.entries()) {
    signal?.throwIfAborted()
    if (last.get(layer.member) !== index) continue
    report({ type: 'step', message: `Unpacking layer ${layer.member}` })
    const found: IndexedTarMember[] = []
    plain.push(await indexLayer(layer, what, found, stack))
    tree.apply(found, `layer "${layer.member}" of ${what}`)
  }
  const members = [...tree.entries()].map(({ path, node }): PackedMember => {
    const { mode, uid, gid } = node
    const owner = { uid, gid, uname: nameOf(uid), gname: nameOf(gid), mtimeSeconds: BUILD_EPOCH_SECONDS }
    const meta = { ...owner, mode, path: (path === '' ? '.' : `./${path}`) as ByteString }
    if (node.type !== 'file') return { header: { ...meta, ...node } }
    const spool = plain[node.layer]
    if (spool === undefined) throw new DockerToolsError('INTERNAL', `Cannot find layer ${node.layer}`)
    const body = { kind: 'spool', spool, offset: node.bodyOffset } as const
    return { header: { ...meta, type: 'file', size: node.size }, body }
  })
  const owner = stack.move()
  return { members, [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()) }
}

/**
 * Lists the members of a layer. One that stands in its archive as it is is not read for it: its digest is
 * checked when it is copied into the image.
 */
async function indexLayer(
  layer: DockerLayer,
  what: string,
  found: IndexedTarMember[],
  stack: AsyncDisposableStack,
): Promise<Pick<PlainLayer, 'readNow'>> {
  if (await isPlainLayer(layer)) {
    for await (const member of readTarIndex(layer, { endMarker: 'optional' })) found.push(member)
    return layer
  }
  const file = {
    size: layer.header.size,
    read: (offset: number, length: number) => layer.read(offset, length),
    stream: () => layer.open(),
    readNow: (target: Uint8Array, offset: number) => layer.readNow(target, offset),
  }
  const { member: name, diffId } = layer
  const stored = { name, diffId, blobDigest: undefined, mediaType: undefined, file }
  return stack.use(await scanLayer(stored, what, DEFAULT_IMAGE_LIMITS, (member) => void found.push(member)))
}

/**
 * What of a base can still be seen when something is laid over it: nothing below
 * a name that is no folder there, and of equal names only folders.
 */
export function visibleBase(base: readonly PackedMember[], upper: readonly PackedMember[]): PackedMember[] {
  const types = new Map(upper.map(({ header }) => [header.path, header.type]))
  const hidden = new Set<ByteString>()
  return base.filter(({ header }) => {
    const parent = header.path.slice(0, Math.max(0, header.path.lastIndexOf('/'))) as ByteString
    const type = types.get(header.path)
    const isHidden = hidden.has(parent) || (type !== undefined && (type !== 'directory' || header.type !== 'directory'))
    if (isHidden) hidden.add(header.path)
    return !isHidden
  })
}
