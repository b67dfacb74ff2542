import { ArchiveWriter, type ArchivedImage, type ArchivedLayer, verifyDigest } from '#archive'
import { DETECTION_BYTES, detectCompression } from '#compress'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import {
  digestHex,
  digestOf,
  encodeLayeredConfig,
  encodeLayeredManifest,
  isJsonArray,
  isJsonObject,
  type JsonValue,
  type LayerHistory,
  mergeEnv,
  type TimeArgument,
  type Timestamp,
  timestampOfNow,
  type Content,
} from '#image'
import { layerOfContent, type MeasuredLayer } from '#layer'
import type { TarHeader } from '#tar'
import { type ByteSink, toByteString } from '#util'
import type { BuildContext } from './build-context.ts'
import type { ImageSummary } from './recipe.ts'
import { openStoreLayers, type StoreLayersInput } from './store-layers.ts'

/** Everything a stream is made of: what upstream's conf says, with what it names opened. */
export interface StreamInput extends StoreLayersInput {
  readonly architecture: string
  readonly config: JsonValue
  readonly base: ArchivedImage | undefined
  readonly customisation: { readonly path: string; readonly content: Content }
  readonly repoTag: string
  readonly created: TimeArgument
  readonly mtime: TimeArgument
}

/**
 * Writes a layered image as upstream's stream script does, member by member.
 *
 * @see nixpkgs `pkgs/build-support/docker/stream_layered_image.py`
 */
export async function streamImage(input: StreamInput, context: BuildContext, sink: ByteSink): Promise<ImageSummary> {
  // One instant for both fields, as upstream.
  const now = timestampOfNow(context.now())
  const created = resolveTime(input.created, now)
  const mtimeSeconds = resolveTime(input.mtime, now).seconds
  await using storeLayers = await openStoreLayers(input, mtimeSeconds, context)
  const outer = new ArchiveWriter(sink, 'pax')
  const written: (LayerHistory & { readonly member: string })[] = []

  if (input.base === undefined) report({ type: 'no-base-image' })
  for (const layer of input.base?.layers ?? []) {
    context.signal?.throwIfAborted()
    report({ type: 'base-layer', index: written.length + 1, member: layer.member })
    await outer.member(layer.header, (body) => copyBaseLayer(layer, body))
    written.push({ digest: layer.diffId, sources: [layer.member], member: layer.member })
  }

  const write = async (layer: MeasuredLayer, sources: readonly string[], header: Partial<TarHeader>): Promise<void> => {
    context.signal?.throwIfAborted()
    const member = `${digestHex(layer.digest)}/layer.tar`
    const fields = { ...memberHeader(member, layer.size, mtimeSeconds), ...header } as FileHeader
    await outer.member(fields, (body) => layer.writeTo(body))
    written.push({ digest: layer.digest, sources, member })
  }
  for (const [index, paths] of input.storeLayers.entries()) {
    report({ type: 'store-layer', index: written.length + 1, paths })
    await write(await storeLayers.take(index, true), paths, {})
  }
  report({ type: 'customisation-layer', index: written.length + 1 })
  const { content, path } = input.customisation
  await write(layerOfContent(verifiedCustomisation(content)), [path], CUSTOMISATION_MEMBER)

  context.sources.assertUnchanged()
  report({ type: 'manifest' })
  const config = encodeStreamConfig(input, created, written)
  const imageId = digestOf(config)
  const configMember = `${digestHex(imageId)}.json`
  const layerMembers = written.map((layer) => layer.member)
  const manifest = encodeLayeredManifest({ configMember, repoTag: input.repoTag, layerMembers })
  await outer.member(memberHeader(configMember, config.length, mtimeSeconds), async (body) => body.write(config))
  await outer.member(memberHeader('manifest.json', manifest.length, mtimeSeconds), async (body) => body.write(manifest))
  await outer.end()
  report({ type: 'done' })
  return {
    imageId,
    repoTag: input.repoTag,
    layers: written.map((layer) => layer.digest),
    archiveBytes: outer.size,
  }
}

/** The configuration of the image, once all its layers are known. */
export function encodeStreamConfig(
  { architecture, config, base }: Pick<StreamInput, 'architecture' | 'config' | 'base'>,
  created: Timestamp,
  layers: readonly LayerHistory[],
): Uint8Array {
  return encodeLayeredConfig({ created: created.isoFormat, architecture, config: withBaseEnv(config, base), layers })
}

type FileHeader = TarHeader & { readonly type: 'file' }

/** The store's file as root sees it; upstream writes what the running process sees. */
const CUSTOMISATION_MEMBER: Partial<TarHeader> = {
  mode: 0o444,
  uname: toByteString('root'),
  gname: toByteString('root'),
}

function memberHeader(name: string, size: number, mtimeSeconds: number): FileHeader {
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
    mtimeSeconds,
  }
}

export function resolveTime(time: TimeArgument, now: Timestamp): Timestamp {
  return time === 'now' ? now : time
}

/** What the conf's checksum promises is checked on the way. */
export function verifiedCustomisation(content: Content): Content {
  return { ...content, open: () => verifyDigest(content.open(), content.digest, 'the customisation layer') }
}

/** Plain layers are checked on the way; what is compressed has another digest than its configuration says. */
async function copyBaseLayer(layer: ArchivedLayer, sink: ByteSink): Promise<void> {
  const what = `layer "${layer.member}" of the base image`
  let source: AsyncIterable<Uint8Array> = layer.open()
  if (await isPlain(layer)) source = verifyDigest(source, layer.diffId, what)
  for await (const chunk of source) await sink.write(chunk)
}

async function isPlain(layer: ArchivedLayer): Promise<boolean> {
  for await (const chunk of layer.open()) return detectCompression(chunk.subarray(0, DETECTION_BYTES)) === 'none'
  return true
}

/** Of the base image only the environment is taken over, as upstream documents. */
function withBaseEnv(config: JsonValue, base: ArchivedImage | undefined): JsonValue {
  const baseConfig = base?.config.get('config')
  const inherited = isJsonObject(baseConfig) ? baseConfig.get('Env') : undefined
  if (base === undefined) return config
  if (config !== null && !isJsonObject(config)) return config
  const env = mergeEnv(
    stringList(inherited, 'FORMAT_INVALID', '"Env" of the base image'),
    stringList(config?.get('Env'), 'DEFINITION_INVALID', '"Env" of config'),
  )
  if (env.length === 0) return config
  return new Map([...(config ?? []), ['Env', env]])
}

function stringList(
  value: JsonValue | undefined,
  code: 'FORMAT_INVALID' | 'DEFINITION_INVALID',
  what: string,
): string[] {
  if (value === null || value === undefined) return []
  if (isJsonArray(value) && value.every((item) => typeof item === 'string')) return [...value]
  throw new DockerToolsError(code, `Cannot use ${what}: it should be a list of strings`)
}
