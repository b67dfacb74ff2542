import { createHash } from 'node:crypto'
import { type Content, type Digest, digestHex, digestOf, rawJsonMembers } from '#image'
import { paddingLength, TAR_BLOCK_BYTES } from '#tar'
import type { ByteSink } from '#util'
import { type GoTarMember, goTarHeader } from './go-tar-header.ts'

/** An image to be written as skopeo writes it. */
export interface SkopeoImage {
  /** As the registry has it. */
  readonly rawConfig: Uint8Array
  /** Plain layers, lowest first, as often as the image has them; each is read before the next one is asked for. */
  readonly layers: AsyncIterable<Content>
  /** With its registry: `docker.io/library/redis`. */
  readonly name: string
  readonly tag: string
  /** Names the image in errors. */
  readonly what: string
}

/** What was written. */
export interface WrittenArchive {
  readonly imageId: Digest
  readonly layers: readonly Digest[]
  /** Bytes. */
  readonly size: number
}

/** What the description of the uppermost layer takes from the configuration. */
const CONFIG_MEMBERS = ['architecture', 'config', 'container', 'container_config', 'created', 'docker_version', 'os']

/**
 * Writes a docker-archive byte for byte as `skopeo copy docker://… docker-archive:…` does: plain layers, each once,
 * then the configuration, then for every layer what Docker 1.9 and older need, then the manifest.
 *
 * The layers' digests are those of their bytes; what the configuration says of them is not looked at, as skopeo
 * does not.
 *
 * @throws {DockerToolsError} `FORMAT_INVALID` for a configuration that is no JSON object.
 * @see containers/image, `docker/internal/tarfile/writer.go`
 */
export async function writeSkopeoArchive(image: SkopeoImage, sink: ByteSink): Promise<WrittenArchive> {
  const config = rawJsonMembers(image.rawConfig, `the configuration of ${image.what}`)
  const writer = new Writer(sink)
  const layers: Digest[] = []
  for await (const layer of image.layers) {
    if (!layers.includes(layer.digest)) await writer.file(layerName(layer.digest), layer.size, layer.open())
    layers.push(layer.digest)
  }
  const imageId = digestOf(image.rawConfig)
  const configName = `${digestHex(imageId)}.json`
  await writer.bytes(configName, image.rawConfig)
  const topId = await writeLegacyLayers(layers, config, writer)
  const manifest = [{ Config: configName, RepoTags: [`${image.name}:${image.tag}`], Layers: layers.map(layerName) }]
  await writer.bytes('manifest.json', Buffer.from(JSON.stringify(manifest), 'utf8'))
  const repositories = topId === undefined ? {} : { [image.name]: { [image.tag]: topId } }
  await writer.bytes('repositories', Buffer.from(JSON.stringify(repositories), 'utf8'))
  await writer.end()
  return { imageId, layers, size: writer.size }
}

/** @returns The ID of the uppermost layer. */
async function writeLegacyLayers(
  layers: readonly Digest[],
  config: ReadonlyMap<string, string>,
  writer: Writer,
): Promise<string | undefined> {
  let parent: string | undefined
  let chainId = ''
  for (const [index, layer] of layers.entries()) {
    chainId = index === 0 ? layer : `sha256:${sha256(`${chainId} ${layer}`)}`
    const isTop = index === layers.length - 1
    const members = new Map(isTop ? CONFIG_MEMBERS.map((name) => [name, config.get(name) ?? 'null']) : [])
    if (parent !== undefined) members.set('parent', JSON.stringify(parent))
    const id = sha256(sortedJson(new Map([...members, ['layer_id', JSON.stringify(chainId)]])))
    await writer.symlink(`${id}/layer.tar`, `../${layerName(layer)}`)
    await writer.bytes(`${id}/VERSION`, Buffer.from('1.0'))
    await writer.bytes(`${id}/json`, Buffer.from(sortedJson(members.set('id', JSON.stringify(id))), 'latin1'))
    parent = id
  }
  return parent
}

function layerName(digest: Digest): string {
  return `${digestHex(digest)}.tar`
}

/** Values as they are, in one character a byte; members in the order of their names, as Go writes maps. */
function sortedJson(members: ReadonlyMap<string, string>): string {
  const sorted = [...members].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex')
}

class Writer {
  readonly #sink: ByteSink
  size = 0

  constructor(sink: ByteSink) {
    this.#sink = sink
  }

  async file(path: string, size: number, body: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#header({ type: 'file', path, size })
    for await (const chunk of body) await this.#write(chunk)
    await this.#write(new Uint8Array(paddingLength(size)))
  }

  async bytes(path: string, bytes: Uint8Array): Promise<void> {
    await this.#header({ type: 'file', path, size: bytes.length })
    await this.#write(bytes)
    await this.#write(new Uint8Array(paddingLength(bytes.length)))
  }

  async symlink(path: string, target: string): Promise<void> {
    await this.#header({ type: 'symlink', path, target })
  }

  async end(): Promise<void> {
    await this.#write(new Uint8Array(2 * TAR_BLOCK_BYTES))
  }

  async #header(member: GoTarMember): Promise<void> {
    await this.#write(goTarHeader(member))
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return
    this.size += chunk.length
    await this.#sink.write(chunk)
  }
}
