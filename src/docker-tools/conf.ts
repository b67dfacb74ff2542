import { encodeJqJson, jsonObject, type JsonValue, type TimeArgument } from '#image'
import type { LayeringPipeline } from '#layering'
import type { StorePath } from '#store'
import { ourOutputPath } from './our-derivation.ts'
import type { ResolvedLayeredArgs } from './resolve-layered-args.ts'
import { toJsonValue } from './to-json-value.ts'

/**
 * `BASE-conf.json`: all that the streaming stage needs, as upstream's jq writes it.
 *
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `streamLayeredImage`, `conf`
 */
export function encodeConf(input: {
  readonly args: ResolvedLayeredArgs
  readonly storeLayers: readonly (readonly string[])[]
  readonly storeDir: string
  readonly fromImage: string | null
  readonly customisation: string
  readonly tag: string
}): string {
  const { args } = input
  return encodeJqJson(
    jsonObject({
      architecture: args.architecture,
      config: args.config,
      os: 'linux',
      store_dir: input.storeDir,
      from_image: input.fromImage,
      store_layers: input.storeLayers,
      customisation_layer: input.customisation,
      repo_tag: `${args.name.toLowerCase()}:${input.tag}`,
      created: timeText(args.created),
      mtime: timeText(args.mtime),
      uid: String(args.owner.uid),
      gid: String(args.owner.gid),
      uname: args.owner.uname,
      gname: args.owner.gname,
    }),
  )
}

/**
 * The store path of the conf. Its hash part is the tag of an image that was
 * given none, so it depends on every argument that the image does, and on no
 * other: the stream and the archive of one image have the same tag.
 */
export function layeredConfPath(input: {
  readonly args: ResolvedLayeredArgs
  readonly pipeline: LayeringPipeline | null
  readonly contents: readonly StorePath[]
  readonly baseJson: StorePath
  readonly customisation: StorePath
  readonly fromImage: StorePath | null
  readonly storeDir: string
}): StorePath {
  const { args, fromImage } = input
  const resolved: Readonly<Record<string, JsonValue>> = {
    architecture: args.architecture,
    config: args.config,
    contents: input.contents,
    created: timeText(args.created),
    enableFakechroot: args.enableFakechroot,
    extraCommands: args.extraCommands,
    fakeRootCommands: args.fakeRootCommands,
    fromImage,
    gid: args.owner.gid,
    gname: args.owner.gname,
    includeNixDB: args.includeNixDB,
    includeStorePaths: args.includeStorePaths,
    layering: input.pipeline === null ? args.layering : null,
    layeringPipeline: toJsonValue(input.pipeline, 'layeringPipeline'),
    maxLayers: input.pipeline === null ? args.maxLayers : null,
    mtime: timeText(args.mtime),
    name: args.name,
    tag: args.tag,
    uid: args.owner.uid,
    uname: args.owner.uname,
  }
  return ourOutputPath({
    name: `${args.baseName}-conf.json`,
    function: 'layeredImageConf',
    args: jsonObject(resolved),
    inputs: [input.baseJson, input.customisation, ...input.contents, ...(fromImage === null ? [] : [fromImage])],
    storeDir: input.storeDir,
  })
}

function timeText(time: TimeArgument): string {
  return time === 'now' ? 'now' : time.isoFormat
}
