import type { Compression } from '#compress'
import { type Digest, digestHex, encodeJqJson, jsonObject } from '#image'
import type { TarHeader } from '#tar'
import { toByteString } from '#util'
import type { ArchivedMember } from './archive-tree.ts'
import type { DockerArchive, DockerImage, DockerLayer } from './docker-archive.ts'
import { formatImageName } from './image-name.ts'
import { loadForArchitecture } from './load-for-architecture.ts'
import type { ImageArchive } from './open-image-archive.ts'
import { invalid } from './read-image.ts'
import { scanLayer } from './scan-layer.ts'
import type { ImageLayer, StoredImage } from './stored-image.ts'

type Member = ArchivedMember & { readonly bodyOffset: number }

/**
 * Shows the images of an OCI layout as a docker-archive: plain layers
 * `DIGEST/layer.tar`, configurations as they are, and a manifest. Every layer is checked
 * here; compressed ones are kept decompressed, in files without a name.
 *
 * @param compression How the archive was compressed as a whole.
 * @returns It owns `archive`.
 */
export async function ociAsDockerArchive(
  archive: ImageArchive,
  compression: Compression,
  architecture?: string,
): Promise<DockerArchive> {
  await using stack = new AsyncDisposableStack()
  stack.use(archive)
  const members = new MemberList()
  const layers = new Map<Digest, DockerLayer>()
  const images: DockerImage[] = []
  for (const listed of archive.images) {
    const image = await loadForArchitecture(listed, architecture)
    for (const layer of image.layers) {
      if (layers.has(layer.diffId)) continue
      layers.set(layer.diffId, await addLayer(layer, archive, members, stack))
    }
    images.push(addImage(image, layers, members))
  }
  const [first, ...others] = images
  if (first === undefined) throw invalid(archive, 'it lists no image')
  members.addSmall('manifest.json', Buffer.from(encodeJqJson(images.map((image) => image.manifestEntry))))
  const owner = stack.move()
  return {
    images: [first, ...others],
    compression,
    members: () => members.all.values(),
    text: (name) => Promise.resolve(members.texts.get(name)),
    [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.asyncDispose]()),
  }
}

/** What the archive would hold; each body has a place of its own, which tells which layer a member is. */
class MemberList {
  readonly all = new Map<string, Member>()
  readonly texts = new Map<string, string>()
  #offset = 0

  add(name: string, size: number, open: () => AsyncIterable<Uint8Array>): Member & { readonly header: FileHeader } {
    const header = fileHeader(name, size)
    const member = { header, file: { type: 'file', mode: header.mode, size, open }, bodyOffset: this.#offset } as const
    this.#offset += Math.max(size, 1)
    this.all.set(name, member)
    return member
  }

  addSmall(name: string, bytes: Uint8Array): void {
    this.add(name, bytes.length, () => once(bytes))
    this.texts.set(name, Buffer.from(bytes).toString('utf8'))
  }
}

type FileHeader = TarHeader & { readonly type: 'file' }

function fileHeader(name: string, size: number): FileHeader {
  const noName = toByteString('')
  return {
    type: 'file',
    path: toByteString(name),
    size,
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: noName,
    gname: noName,
    mtimeSeconds: 1,
  }
}

async function addLayer(
  layer: ImageLayer,
  { what, limits }: ImageArchive,
  members: MemberList,
  stack: AsyncDisposableStack,
): Promise<DockerLayer> {
  const plain = stack.use(await scanLayer(layer, what, limits))
  const name = `${digestHex(layer.diffId)}/layer.tar`
  const { header, bodyOffset } = members.add(name, plain.size, () => plain.stream())
  return {
    member: name,
    header,
    diffId: layer.diffId,
    open: () => plain.stream(),
    read: (offset, length) => plain.read(offset, length),
    readNow: (target, offset) => plain.readNow(target, offset),
    bodyOffset,
  }
}

function addImage(image: StoredImage, layers: ReadonlyMap<Digest, DockerLayer>, members: MemberList): DockerImage {
  const configMember = `${digestHex(image.imageId)}.json`
  members.addSmall(configMember, image.rawConfig)
  const own = image.layers.map((layer) => layers.get(layer.diffId)).filter((layer) => layer !== undefined)
  const repoTags = image.names.map(formatImageName)
  const manifestEntry = jsonObject({
    Config: configMember,
    RepoTags: repoTags,
    Layers: own.map((layer) => layer.member),
  })
  return { repoTags, layers: own, config: image.config, configMember, manifestEntry }
}

// oxlint-disable-next-line require-await -- bodies are read asynchronously
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
