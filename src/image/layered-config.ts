import type { Digest } from './digest.ts'
import { jsonObject, type JsonValue } from './json-value.ts'
import { encodePythonJson } from './python-json.ts'
import { pythonListRepr } from './python-repr.ts'

/** What a layer holds, as its history comment tells it, and its digest. */
export interface LayerHistory {
  readonly digest: Digest
  /** Store paths of a store layer; the member name of a base layer; the store path of the customisation layer. */
  readonly sources: readonly string[]
}

/** What goes into the configuration of a layered image. */
export interface LayeredConfigInput {
  /** Python's `isoformat` of the creation time. */
  readonly created: string
  readonly architecture: string
  /** `config` with the environment already merged; null stays null. */
  readonly config: JsonValue
  readonly layers: readonly LayerHistory[]
}

/**
 * The configuration of a layered image, to the byte as upstream's stream script
 * writes it. Its digest is the image ID.
 *
 * @see nixpkgs `stream_layered_image.py`, `main`
 */
export function encodeLayeredConfig(input: LayeredConfigInput): Uint8Array {
  const history = input.layers.map((layer) =>
    jsonObject({ created: input.created, comment: `store paths: ${pythonListRepr(layer.sources)}` }),
  )
  const text = encodePythonJson(
    jsonObject({
      created: input.created,
      architecture: input.architecture,
      os: 'linux',
      config: input.config,
      rootfs: jsonObject({ diff_ids: input.layers.map((layer) => layer.digest), type: 'layers' }),
      history,
    }),
  )
  return Buffer.from(text, 'ascii')
}

/** `manifest.json` of a layered image with its one image. */
export function encodeLayeredManifest(input: {
  readonly configMember: string
  readonly repoTag: string
  readonly layerMembers: readonly string[]
}): Uint8Array {
  const image = jsonObject({ Config: input.configMember, RepoTags: [input.repoTag], Layers: input.layerMembers })
  const text = encodePythonJson([image])
  return Buffer.from(text, 'ascii')
}
