import * as v from 'valibot'
import { type CompressorName, getCompressor } from '#compress'
import { DockerToolsError } from '#errors'
import { goArchitecture, type JsonValue, parseTimeArgument, sortJson, type TimeArgument } from '#image'
import { checkMaxLayers, type LayeringPipeline, parseLayeringPipeline } from '#layering'
import type { Owner } from '#layer'
import { checkArguments } from './check-arguments.ts'
import { flag, imageName, imageTag, layerCount, ownerId, ownerName, record, text } from './argument-schemas.ts'
import type { ContentsArgument, PathArgument } from './layered-image-args.ts'
import { isContents, isPathArgument } from './path-argument.ts'
import { toJsonValue } from './to-json-value.ts'

/** The arguments of a layered image, checked and with defaults filled in. Paths are still as they were given. */
export interface ResolvedLayeredArgs {
  /** As given: upper case may be in it. */
  readonly name: string
  /** Last part of the name; what store paths are named after. */
  readonly baseName: string
  readonly tag: string | null
  readonly fromImage: PathArgument | null
  readonly contents: readonly PathArgument[]
  /** With members sorted, as upstream's evaluation leaves them. */
  readonly config: JsonValue
  readonly architecture: string
  readonly created: TimeArgument
  readonly mtime: TimeArgument
  readonly owner: Owner
  readonly maxLayers: number
  readonly extraCommands: string
  readonly fakeRootCommands: string
  readonly enableFakechroot: boolean
  readonly includeStorePaths: boolean
  readonly includeNixDB: boolean
  readonly pipeline: LayeringPipeline | PathArgument | null
  readonly layering: 'popularity' | 'auto'
  readonly debug: boolean
  readonly passthru: Readonly<Record<string, unknown>>
  readonly meta: Readonly<Record<string, unknown>>
}

const PATH_FORM = 'a store path, a path that starts with "/", "./" or "../", or a definition'

/** A path, recipe or definition. */
export const path: v.GenericSchema<PathArgument> = v.custom<PathArgument>(
  isPathArgument,
  ({ received }) => `it is ${received}, it should be ${PATH_FORM}`,
)

// The type is told where it is read: as a recursive one it would be too deep for the compiler here.
export const contents: v.GenericSchema = v.custom<unknown>(
  isContents,
  ({ received }) => `it is ${received}, it should be ${PATH_FORM}, or a list of these`,
)

/** The arguments of both layered functions, checked for their types. */
const layeredImageEntries = {
  name: imageName,
  tag: v.nullish(imageTag, null),
  fromImage: v.nullish(path, null),
  contents: v.optional(contents, null),
  config: v.optional(v.nullable(record), emptyRecord),
  architecture: v.optional(v.pipe(text, v.nonEmpty('it is empty, it should be for example "amd64"'))),
  created: v.optional(text, '1970-01-01T00:00:01Z'),
  mtime: v.optional(text, '1970-01-01T00:00:01Z'),
  uid: v.optional(ownerId, 0),
  gid: v.optional(ownerId, 0),
  uname: v.optional(ownerName, 'root'),
  gname: v.optional(ownerName, 'root'),
  maxLayers: v.optional(layerCount, 100),
  extraCommands: v.optional(text, ''),
  fakeRootCommands: v.optional(text, ''),
  enableFakechroot: v.optional(flag, false),
  includeStorePaths: v.optional(flag, true),
  includeNixDB: v.optional(flag, false),
  layeringPipeline: v.optional(v.unknown(), null),
  layering: v.optional(
    v.picklist(['popularity', 'auto'], ({ received }) => `it is ${received}, it should be "popularity" or "auto"`),
  ),
  debug: v.optional(flag, false),
  passthru: v.optional(record, emptyRecord),
  meta: v.optional(record, emptyRecord),
}

const streamSchema = v.strictObject(layeredImageEntries)
const buildSchema = v.strictObject({ ...layeredImageEntries, compressor: v.optional(v.unknown(), 'gz') })

function emptyRecord(): Readonly<Record<string, unknown>> {
  return {}
}

/** @throws {DockerToolsError} `DEFINITION_INVALID`, `LAYER_LIMIT`. */
export function resolveStreamArgs(functionName: string, args: unknown): ResolvedLayeredArgs {
  return resolve(functionName, checkArguments(functionName, streamSchema, args))
}

/** As `resolveStreamArgs`, with `compressor` on top. */
export function resolveBuildArgs(
  functionName: string,
  args: unknown,
): ResolvedLayeredArgs & { readonly compressor: CompressorName } {
  const checked = checkArguments(functionName, buildSchema, args)
  return { ...resolve(functionName, checked), compressor: resolveCompressor(checked.compressor, checked.name) }
}

function resolve(functionName: string, args: v.InferOutput<typeof streamSchema>): ResolvedLayeredArgs {
  const pipeline = resolvePipeline(functionName, args.layeringPipeline)
  if (pipeline === null) checkMaxLayers(args.maxLayers, 0)
  else if (args.layering !== undefined) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot call ${functionName}: "layering" and "layeringPipeline" exclude each other, and both are given`,
    )
  }
  return {
    name: args.name,
    baseName: args.name.slice(args.name.lastIndexOf('/') + 1),
    tag: args.tag,
    fromImage: args.fromImage,
    contents: flattenContents(args.contents as ContentsArgument),
    config: sortJson(toJsonValue(args.config, 'config')),
    architecture: args.architecture ?? goArchitecture(),
    created: parseTimeArgument(args.created, 'created'),
    mtime: parseTimeArgument(args.mtime, 'mtime'),
    owner: { uid: args.uid, gid: args.gid, uname: args.uname, gname: args.gname },
    maxLayers: args.maxLayers,
    extraCommands: args.extraCommands,
    fakeRootCommands: args.fakeRootCommands,
    enableFakechroot: args.enableFakechroot,
    includeStorePaths: args.includeStorePaths,
    includeNixDB: args.includeNixDB,
    pipeline,
    layering: args.layering ?? 'popularity',
    debug: args.debug,
    passthru: args.passthru,
    meta: args.meta,
  }
}

function resolvePipeline(functionName: string, value: unknown): LayeringPipeline | PathArgument | null {
  if (value === null) return null
  if (Array.isArray(value)) return parseLayeringPipeline(value)
  if (isPathArgument(value)) return value
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot call ${functionName}: argument "layeringPipeline": it should be a list of stages or the path of a JSON file`,
  )
}

/** @throws {DockerToolsError} `DEFINITION_INVALID`, in upstream's words. */
export function resolveCompressor(value: unknown, ofImage: string): CompressorName {
  const names = ['gz', 'none', 'zstd'] as const
  const found = names.find((name) => name === value)
  if (found !== undefined) return getCompressor(found).name
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `in docker image ${ofImage}: compressor must be one of: [${names.join(' ')}]`,
  )
}

/** The items of all lists, without the nulls. */
export function flattenContents(given: ContentsArgument): PathArgument[] {
  if (given === null) return []
  return isList(given) ? given.flatMap(flattenContents) : [given]
}

function isList(given: ContentsArgument): given is readonly ContentsArgument[] {
  return Array.isArray(given)
}
