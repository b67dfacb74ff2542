/**
 * What an image is: digests, configuration, manifest, times, and the texts that
 * upstream's Python writes them in. Knows nothing of files, stores or archives.
 *
 * Formats: https://github.com/opencontainers/image-spec/blob/main/config.md and
 * Docker's image specification v1.2.
 */
export { goArchitecture } from './architecture.ts'
export type { Content } from './content.ts'
export { parseTimeArgument, type TimeArgument, timestampOfNow } from './created-time.ts'
export { type Digest, digestHex, digestOf, parseDigest } from './digest.ts'
export { isJsonArray, isJsonObject, JsonFloat, jsonObject, type JsonObject, type JsonValue } from './json-value.ts'
export {
  encodeLayeredConfig,
  encodeLayeredManifest,
  type LayeredConfigInput,
  type LayerHistory,
} from './layered-config.ts'
export { mergeEnv } from './merge-env.ts'
export { encodeJqJson } from './jq-json.ts'
export { encodeJshonJson } from './jshon-json.ts'
export { encodeNixJson, sortJson } from './nix-json.ts'
export { parseJson } from './parse-json.ts'
export {
  formatPlatform,
  hostPlatform,
  parsePlatform,
  type Platform,
  platformMatches,
  platformOf,
  platformsInOrder,
} from './platform.ts'
export { rawJsonMembers } from './raw-json-members.ts'
export { encodePythonJson } from './python-json.ts'
export { pythonListRepr, pythonStringRepr } from './python-repr.ts'
export {
  encodeRepositories,
  encodeSingleLayerConfig,
  encodeSingleLayerManifest,
  finishedLayerJson,
  type ImageBase,
  imageBaseJson,
  layerJson,
} from './single-layer-image.ts'
export { parsePythonIsoTime, type Timestamp } from './python-time.ts'
