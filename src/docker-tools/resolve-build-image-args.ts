import * as v from 'valibot'
import type { CompressorName } from '#compress'
import { DockerToolsError } from '#errors'
import { goArchitecture, type JsonValue, parsePythonIsoTime, sortJson } from '#image'
import { checkArguments } from './check-arguments.ts'
import { flag, imageName, imageTag, mebibytes, ownerId, record, text } from './argument-schemas.ts'
import type { ContentsArgument, PathArgument } from './layered-image-args.ts'
import { contents, flattenContents, path, resolveCompressor } from './resolve-layered-args.ts'
import { toJsonValue } from './to-json-value.ts'

/** The arguments of `buildImage`, checked and with defaults filled in. Paths are still as they were given. */
export interface ResolvedBuildImageArgs {
  readonly name: string
  readonly baseName: string
  readonly tag: string | null
  readonly fromImage: PathArgument | null
  readonly fromImageName: string | null
  readonly fromImageTag: string | null
  readonly contents: readonly PathArgument[]
  /** Whether they came by their deprecated name. */
  readonly isContentsDeprecated: boolean
  readonly keepContentsDirlinks: boolean
  /** With members sorted, as upstream's evaluation leaves them. */
  readonly config: JsonValue
  readonly architecture: string
  readonly extraCommands: string
  readonly runAsRoot: string | null
  readonly diskMiB: number
  readonly memoryMiB: number | undefined
  readonly includeNixDB: boolean
  readonly uid: number
  readonly gid: number
  /** As given, or `now`. */
  readonly created: string
  readonly compressor: CompressorName
  readonly meta: Readonly<Record<string, unknown>>
}

const FUNCTION = 'buildImage'

/** Upstream's. */
const DEFAULT_DISK_MIB = 1024

const schema = v.strictObject({
  name: imageName,
  tag: v.nullish(imageTag, null),
  fromImage: v.nullish(path, null),
  fromImageName: v.nullish(text, null),
  fromImageTag: v.nullish(text, null),
  copyToRoot: v.optional(contents, null),
  keepContentsDirlinks: v.optional(flag, false),
  config: v.optional(v.nullable(record), null),
  architecture: v.optional(v.pipe(text, v.nonEmpty('it is empty, it should be for example "amd64"'))),
  extraCommands: v.optional(text, ''),
  uid: v.optional(ownerId, 0),
  gid: v.optional(ownerId, 0),
  runAsRoot: v.nullish(text, null),
  diskSize: v.optional(mebibytes, DEFAULT_DISK_MIB),
  buildVMMemorySize: v.optional(mebibytes),
  created: v.optional(text, '1970-01-01T00:00:01Z'),
  compressor: v.optional(v.unknown(), 'gz'),
  includeNixDB: v.optional(flag, false),
  contents: v.optional(contents, null),
  meta: v.optional(record, () => ({})),
})

/** @throws {DockerToolsError} `DEFINITION_INVALID`. */
export function resolveBuildImageArgs(given: unknown): ResolvedBuildImageArgs {
  const args = checkArguments(FUNCTION, schema, given)
  const compressor = resolveCompressor(args.compressor, args.name)
  if (args.contents !== null && args.copyToRoot !== null) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `in docker image ${args.name}: You can not specify both contents and copyToRoot.`,
    )
  }
  if (args.includeNixDB && args.contents === null && args.copyToRoot === null) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot call ${FUNCTION}: argument "includeNixDB": there is nothing to register, it should come with "copyToRoot"`,
    )
  }
  if (args.fromImage === null && (args.fromImageName ?? args.fromImageTag) !== null) {
    const name = args.fromImageName === null ? 'fromImageTag' : 'fromImageName'
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot call ${FUNCTION}: argument "${name}": there is no "fromImage" that it could pick from`,
    )
  }
  return {
    name: args.name,
    baseName: args.name.slice(args.name.lastIndexOf('/') + 1),
    tag: args.tag,
    fromImage: args.fromImage,
    fromImageName: args.fromImageName,
    fromImageTag: args.fromImageTag,
    contents: flattenContents((args.copyToRoot ?? args.contents) as ContentsArgument),
    isContentsDeprecated: args.contents !== null,
    keepContentsDirlinks: args.keepContentsDirlinks,
    config: sortJson(toJsonValue(args.config, 'config')),
    architecture: args.architecture ?? goArchitecture(),
    extraCommands: args.extraCommands,
    runAsRoot: args.runAsRoot,
    diskMiB: args.diskSize,
    memoryMiB: args.buildVMMemorySize,
    includeNixDB: args.includeNixDB,
    uid: args.uid,
    gid: args.gid,
    created: checkCreated(args.created),
    compressor,
    meta: args.meta,
  }
}

/** RFC 3339: engines load no image with a date alone, or without an offset. */
const CLIENTS_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/

/** What is written is the text itself, so it has to be a time that clients can read. */
function checkCreated(created: string): string {
  if (created === 'now') return created
  let cause: unknown
  try {
    parsePythonIsoTime(created, 'created')
    if (CLIENTS_TIME.test(created)) return created
  } catch (error) {
    cause = error
  }
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use "${created}" as created: it should be a time with date and offset as in RFC 3339, or "now"`,
    { cause, hint: 'For example 2024-02-29T12:34:56Z' },
  )
}
