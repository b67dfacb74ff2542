import type { Digest } from './digest.ts'
import { encodeJqJson } from './jq-json.ts'
import { encodeJshonJson } from './jshon-json.ts'
import { isJsonArray, isJsonObject, jsonObject, type JsonObject, type JsonValue } from './json-value.ts'

/** What `buildImage` says of an image before it has layers: `BASE-config.json`. */
export interface ImageBase {
  readonly architecture: string
  readonly config: JsonValue
  /** As the caller wrote it. */
  readonly created: string
}

/**
 * The members of `BASE-config.json`. `preferLocalBuild` is upstream's: it has
 * slipped into the configuration of every image, and is part of its bytes.
 *
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `buildImage`, `baseJson`
 */
export function imageBaseJson(base: ImageBase): JsonObject {
  return jsonObject({
    architecture: base.architecture,
    config: base.config,
    created: base.created,
    os: 'linux',
    preferLocalBuild: true,
  })
}

/** The legacy `json` of a layer as it is when the layer's ID is taken from it. */
export function layerJson(base: ImageBase, checksum: string, parent: string | undefined): JsonObject {
  const members: [string, JsonValue][] = [...imageBaseJson(base), ['checksum', checksum]]
  return new Map(parent === undefined ? members : [...members, ['parent', parent]])
}

/** The same with what is known of the layer afterwards, as it stands in the archive. */
export function finishedLayerJson(json: JsonObject, id: string, size: number): string {
  return encodeJshonJson(new Map([...json, ['id', id], ['Size', size]]))
}

/** The configuration of an image by `buildImage`. Environments are joined as they are: of two equal names the last counts. */
export function encodeSingleLayerConfig(
  base: ImageBase,
  inheritedEnv: readonly JsonValue[],
  diffIds: readonly Digest[],
): string {
  const own = isJsonObject(base.config) ? base.config.get('Env') : undefined
  const env = [...inheritedEnv, ...(isJsonArray(own) ? own : [])]
  const config = new Map([...(isJsonObject(base.config) ? base.config : []), ['Env', env]])
  return encodeJqJson(
    new Map<string, JsonValue>([
      ...imageBaseJson({ ...base, config }),
      ['rootfs', jsonObject({ diff_ids: diffIds, type: 'layers' })],
      ['history', diffIds.map(() => jsonObject({ created: base.created }))],
    ]),
  )
}

/** `manifest.json` of an image by `buildImage`. */
export function encodeSingleLayerManifest(input: {
  readonly repoTag: string
  readonly layerMembers: readonly string[]
  readonly configMember: string
}): string {
  const image = jsonObject({ RepoTags: [input.repoTag], Layers: input.layerMembers, Config: input.configMember })
  return encodeJqJson([image])
}

/** The legacy `repositories`, which names the top layer of each tag. */
export function encodeRepositories(name: string, tag: string, layerId: string): string {
  return encodeJshonJson(new Map([[name, new Map([[tag, layerId]])]]))
}
