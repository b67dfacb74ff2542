import {
  compressionOf,
  formatImageName,
  type ImageArchive,
  type ImageLayer,
  MergedTree,
  openImageArchive,
  scanLayer,
  type StoredImage,
} from '#archive'
import {
  type Digest,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  formatPlatform,
  parsePlatform,
} from '#image'
import type { IndexedTarMember } from '#tar'
import { byteStringToText } from '#util'
import { checkOptions } from './check-options.ts'
import { parseImageLimits } from './image-limit-options.ts'

/** What is told of a layer. */
export interface LayerReport {
  /** Its member or blob in the archive. */
  readonly name: string
  readonly diffId: Digest
  /** Bytes as stored. */
  readonly storedBytes: number
  readonly compression: string
  /** Bytes of the plain tar. */
  readonly bytes: number
  readonly files: number
  /** Bytes of contents that a layer above hides or replaces. */
  readonly wastedBytes: number
  readonly createdBy: string | null
  readonly comment: string | null
  /** Store paths that the layer has files of, in byte order. */
  readonly storePaths: readonly string[]
}

/** What is told of an image. */
export interface ImageReport {
  readonly names: readonly string[]
  readonly imageId: Digest
  readonly platform: string
  /** Of all platforms that the archive has it for. */
  readonly platforms: readonly string[]
  readonly created: string | null
  readonly bytes: number
  readonly storedBytes: number
  readonly wastedBytes: number
  readonly layers: readonly LayerReport[]
  /** `config` as the configuration has it. */
  readonly config: JsonValue
}

/** How images are opened to be looked at. */
export interface InspectOptions {
  /** `OS/ARCHITECTURE[/VARIANT]`, of images that are there for several. Default: the only one, or this machine's. */
  readonly platform?: string
  /** Limits on what a foreign image may ask for, by the names that errors give. */
  readonly limits?: Readonly<Record<string, number>>
}

/**
 * Tells what the images of an archive or an OCI layout are made of. Every layer
 * is read and checked.
 *
 * @param path A docker-archive, plain or compressed, an OCI archive, or the folder of an OCI layout.
 * @param options `platform` picks one of several; `limits` moves limits of size.
 * @returns A report for each image, in the order of the archive.
 * @throws {DockerToolsError} As `exportImage` does when it is used.
 * @throws {IntegrityError} `DIGEST_MISMATCH`, `SIZE_MISMATCH`.
 * @remarks Not in nixpkgs.
 *
 * @example What an archive holds
 * ```ts
 * import { createWriteStream } from 'node:fs'
 * import { Readable } from 'node:stream'
 * import { pipeline } from 'node:stream/promises'
 * import { inspectImages, streamLayeredImage } from 'dockertools'
 *
 * const image = streamLayeredImage({ name: 'site', tag: '1', contents: './examples/site/pages' })
 * await pipeline(Readable.from(image.chunks()), createWriteStream('result-site.tar'))
 * for (const { names, layers } of await inspectImages('result-site.tar')) console.log(names, layers.length)
 * ```
 */
export async function inspectImages(path: string, options: InspectOptions = {}): Promise<readonly ImageReport[]> {
  checkOptions(options)
  const what = `image "${path}"`
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform)
  await using archive = await openImageArchive(path, what, parseImageLimits(options.limits ?? {}))
  const reports: ImageReport[] = []
  for (const listed of archive.images) {
    const platforms = (await listed.platforms()).map(formatPlatform)
    reports.push(await inspect(await listed.load(platform), platforms, archive))
  }
  return reports
}

async function inspect(
  image: StoredImage,
  platforms: readonly string[],
  { what, limits }: ImageArchive,
): Promise<ImageReport> {
  const tree = new MergedTree()
  const history = historyOf(image)
  const layers: CountedLayer[] = []
  for (const [index, layer] of image.layers.entries()) {
    const members: IndexedTarMember[] = []
    await using plain = await scanLayer(layer, what, limits, (member) => void members.push(member))
    tree.apply(members, `layer "${layer.name}" of ${what}`)
    layers.push(await reportLayer(layer, plain.size, members, history[index]))
  }
  const visible = visibleBytes(tree, layers.length)
  const wasted = layers.map(({ contentBytes, ...layer }, index) => ({
    ...layer,
    wastedBytes: contentBytes - (visible[index] ?? 0),
  }))
  const created = image.config.get('created')
  return {
    names: image.names.map(formatImageName),
    imageId: image.imageId,
    platform: formatPlatform(image.platform),
    platforms: [...new Set(platforms)],
    created: typeof created === 'string' ? created : null,
    bytes: sum(wasted.map((layer) => layer.bytes)),
    storedBytes: sum(wasted.map((layer) => layer.storedBytes)),
    wastedBytes: sum(wasted.map((layer) => layer.wastedBytes)),
    layers: wasted,
    config: image.config.get('config') ?? null,
  }
}

type CountedLayer = Omit<LayerReport, 'wastedBytes'> & { readonly contentBytes: number }

async function reportLayer(
  layer: ImageLayer,
  bytes: number,
  members: readonly IndexedTarMember[],
  history: JsonObject | undefined,
): Promise<CountedLayer> {
  const text = (name: string): string | null => {
    const value = history?.get(name)
    return typeof value === 'string' && value !== '' ? value : null
  }
  return {
    name: layer.name,
    diffId: layer.diffId,
    storedBytes: layer.file.size,
    compression: await compressionOf(layer),
    bytes,
    files: members.length,
    contentBytes: sum(members.map(({ header }) => (header.type === 'file' ? header.size : 0))),
    createdBy: text('created_by'),
    comment: text('comment'),
    storePaths: storePathsOf(members),
  }
}

/** The history of each layer: entries that made none are passed over. */
function historyOf(image: StoredImage): readonly JsonObject[] {
  const history = image.config.get('history')
  if (!isJsonArray(history)) return []
  return history.filter(isJsonObject).filter((entry) => entry.get('empty_layer') !== true)
}

const STORE_PATH = /^(?:\.?\/)?(nix\/store\/[0-9a-df-np-sv-z]{32}-[^/]+)/

function storePathsOf(members: readonly IndexedTarMember[]): readonly string[] {
  const found = new Set<string>()
  for (const { header } of members) {
    const path = STORE_PATH.exec(header.path)?.[1]
    if (path !== undefined) found.add(`/${byteStringToText(path as typeof header.path)}`)
  }
  return [...found].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

/** Bytes of contents that can be seen in the merged file system, by layer. Hard links count once. */
function visibleBytes(tree: MergedTree, layers: number): readonly number[] {
  const bytes = Array.from({ length: layers }, () => 0)
  const seen = new Set<unknown>()
  for (const { node } of tree.entries()) {
    if (node.type !== 'file' || seen.has(node)) continue
    seen.add(node)
    bytes[node.layer] = (bytes[node.layer] ?? 0) + node.size
  }
  return bytes
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
