import * as v from 'valibot'
import type { CompressorName } from '#compress'
import { isRealisable, type Realisable, REALISE } from '#derivation'
import { DockerToolsError } from '#errors'
import { checkArguments } from './check-arguments.ts'
import { imageName, imageTag, ownerId, record, text } from './argument-schemas.ts'
import type { DerivationAttributes, DrvArgument } from './nix-shell-image-args.ts'
import { resolveCompressor, resolveStreamArgs, type ResolvedLayeredArgs } from './resolve-layered-args.ts'

/** The arguments of a nix-shell image, checked and with defaults filled in. */
export interface ResolvedNixShellArgs {
  readonly drv: DrvArgument
  /** Of the derivation. */
  readonly drvName: string
  readonly uid: number
  readonly gid: number
  readonly homeDirectory: string
  /** May have a placeholder. */
  readonly shell: string | undefined
  readonly command: string | null
  readonly run: string | null
  /** Of the image underneath. What depends on the derivation is not in it yet. */
  readonly layered: ResolvedLayeredArgs
}

/** Where builders work, and what the shell starts in. */
export const BUILD_DIRECTORY = '/build'

const drv = v.custom<DrvArgument>(
  (value) => isDrvPath(value) || isRealisable(value) || isAttributes(value),
  ({ received }) =>
    `it is ${received}, it should be the store path of a .drv, a derivation, or an object with "name", "drvAttrs" and "outputs"`,
)

const homeDirectory = v.pipe(
  text,
  // In a line of /etc/passwd, fields end with colons.
  v.regex(/^\/[^:\n\0]*$/, ({ received }) => `it is ${received}, it should be an absolute path without ":"`),
)

const shell = v.custom<string | Realisable>(
  (value) => isRealisable(value) || (typeof value === 'string' && /^\/[^\n\0]*[^/\n\0]$/.test(value)),
  ({ received }) => `it is ${received}, it should be the absolute path of a bash`,
)

const entries = {
  drv,
  name: v.optional(imageName),
  tag: v.nullish(imageTag, null),
  uid: v.optional(ownerId, 1000),
  gid: v.optional(ownerId, 1000),
  homeDirectory: v.optional(homeDirectory, BUILD_DIRECTORY),
  shell: v.optional(shell),
  command: v.nullish(text, null),
  run: v.nullish(text, null),
  layering: v.optional(v.unknown()),
}

const streamSchema = v.strictObject(entries)
const buildSchema = v.strictObject({ ...entries, compressor: v.optional(v.unknown(), 'gz') })

/** @throws {DockerToolsError} `DEFINITION_INVALID`. */
export function resolveStreamNixShellArgs(args: unknown): ResolvedNixShellArgs {
  return resolve('streamNixShellImage', checkArguments('streamNixShellImage', streamSchema, args))
}

/** As `resolveStreamNixShellArgs`, with `compressor` on top. */
export function resolveBuildNixShellArgs(
  args: unknown,
): ResolvedNixShellArgs & { readonly compressor: CompressorName } {
  const checked = checkArguments('buildNixShellImage', buildSchema, args)
  const resolved = resolve('buildNixShellImage', checked)
  return { ...resolved, compressor: resolveCompressor(checked.compressor, resolved.drvName) }
}

function resolve(functionName: string, args: v.InferOutput<typeof streamSchema>): ResolvedNixShellArgs {
  const drvName = nameOfDrv(functionName, args.drv)
  if (isAttributes(args.drv)) refuseStructured(drvName, Boolean(args.drv.drvAttrs['__structuredAttrs']))
  // Upstream's text.
  if (args.command !== null && args.run !== null)
    throw invalid("streamNixShellImage: Can't specify both command and run")
  const { uid, gid, name = `${drvName}-env`, tag, layering } = args
  const layered = resolveStreamArgs(functionName, {
    name,
    tag,
    ...(layering === undefined ? {} : { layering }),
    fakeRootCommands: ownerCommands(uid, gid),
  })
  return {
    drv: args.drv,
    drvName,
    uid,
    gid,
    homeDirectory: args.homeDirectory,
    shell: args.shell === undefined ? undefined : String(args.shell),
    command: args.command,
    run: args.run,
    layered,
  }
}

/** @throws {DockerToolsError} `DEFINITION_INVALID`, in upstream's words. */
export function refuseStructured(name: string, isStructured: boolean): void {
  if (!isStructured) return
  throw invalid(`streamNixShellImage: Does not work with the derivation ${name} because it uses __structuredAttrs`)
}

/** As a single-user installation of Nix has it: the store and the build folder are the user's. */
function ownerCommands(uid: number, gid: number): string {
  return `mkdir -p ./nix/store ./nix/var/nix ./etc/nix
chown -R ${uid}:${gid} ./nix ./etc/nix
mkdir -p .${BUILD_DIRECTORY}
chown -R ${uid}:${gid} .${BUILD_DIRECTORY}
`
}

const DRV_BASE_NAME = /^[0-9a-df-np-sv-z]{32}-([0-9A-Za-z+._?=-]+)\.drv$/

function nameOfDrv(functionName: string, value: DrvArgument): string {
  if (typeof value === 'string') return DRV_BASE_NAME.exec(value.slice(value.lastIndexOf('/') + 1))?.[1] ?? ''
  if (!isRealisable(value)) return value.name
  const { name, derivation } = value[REALISE]
  if (derivation !== undefined) return name
  throw invalid(`Cannot call ${functionName}: argument "drv": "${name}" has no builder, it should be a derivation`)
}

function isDrvPath(value: unknown): value is string {
  return (
    typeof value === 'string' && value.startsWith('/') && DRV_BASE_NAME.test(value.slice(value.lastIndexOf('/') + 1))
  )
}

function isAttributes(value: unknown): value is DerivationAttributes {
  if (!v.is(record, value) || isRealisable(value)) return false
  const { name, drvAttrs, outputs } = value
  return (
    Object.keys(value).length === 3 &&
    typeof name === 'string' &&
    name !== '' &&
    v.is(record, drvAttrs) &&
    v.is(record, outputs) &&
    Object.values(outputs).length > 0 &&
    Object.values(outputs).every((path) => typeof path === 'string')
  )
}

function invalid(message: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', message)
}
