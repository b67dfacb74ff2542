import {
  type ArchiveDirectory,
  type ArchivedMember,
  archiveTree,
  type DockerArchive,
  makeDirectory,
  openVerifiedLayer,
  textFile,
  writeArchiveTree,
} from '#archive'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import {
  type Digest,
  digestHex,
  digestOf,
  encodeJshonJson,
  encodeRepositories,
  encodeSingleLayerConfig,
  encodeSingleLayerManifest,
  finishedLayerJson,
  isJsonArray,
  isJsonObject,
  type JsonValue,
  layerJson,
} from '#image'
import { BUILD_EPOCH_SECONDS } from '#runner'
import { type ByteSink, toByteString } from '#util'
import type { BuildContext } from './build-context.ts'
import { type MeasuredImageLayer, measureImageLayer } from './measure-image-layer.ts'
import type { DockerBaseImage } from './open-base-image.ts'
import type { BuildImagePlan } from './plan-build-image.ts'
import type { ImageSummary } from './recipe.ts'

const FILE_MODE = 0o444
const FOLDER_MODE = 0o555
/** What the file `VERSION` of a layer says. */
export const LEGACY_VERSION = '1.0'

/**
 * Makes the layer and writes the archive around it, with everything of the
 * base archive but its configurations.
 *
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `buildImage`
 */
export async function writeBuiltImage(
  plan: BuildImagePlan,
  names: { readonly imageName: string; readonly baseName: string; readonly repoTag: string },
  context: BuildContext,
  sink: ByteSink,
): Promise<ImageSummary> {
  await using layer = await measureImageLayer(plan, context)
  report({ type: 'step', message: `Finished building layer '${names.baseName}'` })
  const { base } = plan
  const root = base === undefined ? makeDirectory(FOLDER_MODE) : baseTree(base)
  report({ type: 'step', message: 'Adding layer...' })
  const layerId = addLayer(root, plan, layer)
  report({ type: 'step', message: 'Adding meta...' })
  const { config, layers } = builtConfig(plan, layer)
  const imageId = digestOf(Buffer.from(config))
  const configMember = `${digestHex(imageId)}.json`
  const layerMembers = [...(base?.image.layers ?? []).map((item) => item.member), `${layerId}/layer.tar`]
  const [name, tag] = splitRepoTag(names.repoTag)
  const files = {
    [configMember]: config,
    'manifest.json': encodeSingleLayerManifest({ repoTag: names.repoTag, layerMembers, configMember }),
    repositories: encodeRepositories(name, tag, layerId),
  }
  for (const [file, text] of Object.entries(files)) root.children.set(toByteString(file), textFile(text, FILE_MODE))
  context.sources.assertUnchanged()
  report({ type: 'step', message: 'Cooking the image...' })
  const archiveBytes = await writeArchiveTree(root, BUILD_EPOCH_SECONDS, sink, context.signal)
  report({ type: 'step', message: 'Finished.' })
  return { imageId, repoTag: names.repoTag, layers, archiveBytes }
}

/** The configuration of the image, and the digests of its layers. */
export function builtConfig(
  { base, imageBase }: BuildImagePlan,
  layer: MeasuredImageLayer,
): { readonly config: string; readonly layers: readonly Digest[] } {
  const layers = [...(base?.image.layers ?? []).map((item) => item.diffId), layer.digest]
  return { config: encodeSingleLayerConfig(imageBase, inheritedEnv(base), layers), layers }
}

/** The members of an archive; the bytes of layers are checked while they are copied. */
export function* checkedMembers(archive: DockerArchive, what: string): Generator<ArchivedMember> {
  const layers = new Map(archive.images.flatMap((image) => image.layers.map((layer) => [layer.bodyOffset, layer])))
  for (const member of archive.members()) {
    const layer = layers.get(member.bodyOffset)
    const { file } = member
    if (layer === undefined || file === undefined) yield member
    else yield { ...member, file: { ...file, open: () => openVerifiedLayer(layer, what) } }
  }
}

/** The base archive as it looks unpacked, nobody may write to it, and its configurations are gone. */
function baseTree(base: DockerBaseImage): ArchiveDirectory {
  report({ type: 'step', message: 'Unpacking base image...' })
  const root = archiveTree(checkedMembers(base.archive, base.what), base.what)
  for (const [name, node] of root.children) {
    if (node.type !== 'directory' && name.endsWith('.json') && !name.startsWith('.')) root.children.delete(name)
  }
  const pending = [root]
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    directory.mode = readOnly(directory.mode)
    for (const [name, node] of directory.children) {
      if (node.type === 'directory') pending.push(node)
      else if (node.type === 'file') directory.children.set(name, { ...node, mode: readOnly(node.mode) })
    }
  }
  return root
}

/** `chmod ug+rw`, then `chmod a-w`. */
function readOnly(mode: number): number {
  return (mode | 0o440) & ~0o222
}

function addLayer(root: ArchiveDirectory, plan: BuildImagePlan, layer: MeasuredImageLayer): string {
  const parent = plan.base?.image.configMember.replace(/\.json$/, '')
  const json = layerJson(plan.imageBase, layer.checksum, parent)
  const id = digestHex(digestOf(Buffer.from(encodeJshonJson(json))))
  const folder = makeDirectory(FOLDER_MODE)
  const { size } = layer
  folder.children.set(toByteString('VERSION'), textFile(LEGACY_VERSION, FILE_MODE))
  folder.children.set(toByteString('json'), textFile(finishedLayerJson(json, id, size), FILE_MODE))
  folder.children.set(toByteString('layer.tar'), { type: 'file', mode: FILE_MODE, size, open: () => layer.open() })
  root.children.set(toByteString(id), folder)
  return id
}

function inheritedEnv(base: DockerBaseImage | undefined): readonly JsonValue[] {
  const config = base?.image.config.get('config')
  const env = isJsonObject(config) ? (config.get('Env') ?? []) : []
  if (isJsonArray(env) && env.every((item) => typeof item === 'string')) return env
  throw new DockerToolsError('FORMAT_INVALID', 'Cannot use "Env" of the base image: it should be a list of strings')
}

/** A colon in front of the last slash belongs to the registry's port. */
function splitRepoTag(repoTag: string): readonly [name: string, tag: string] {
  const colon = repoTag.indexOf(':', repoTag.lastIndexOf('/') + 1)
  return colon === -1 ? [repoTag, 'latest'] : [repoTag.slice(0, colon), repoTag.slice(colon + 1)]
}
