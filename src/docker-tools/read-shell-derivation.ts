import { readFile, stat } from 'node:fs/promises'
import {
  coerceToText,
  type Derivation,
  isRealisable,
  MAX_DERIVATION_BYTES,
  parseDerivation,
  placeholder,
  type Realisable,
  REALISE,
} from '#derivation'
import { DockerToolsError } from '#errors'
import { parseStorePath, type StorePath, storePathHash } from '#store'
import type { BuildContext } from './build-context.ts'
import { fileOfStorePath } from './file-of-store-path.ts'
import type { DerivationAttributes, DrvArgument } from './nix-shell-image-args.ts'
import { refuseStructured } from './resolve-nix-shell-args.ts'
import { pathOf } from './resolve-path.ts'

/** What a nix-shell image takes from a derivation. What has to be made first stands in texts as placeholders. */
export interface ShellDerivation {
  readonly name: string
  readonly system: string
  readonly builder: string
  readonly args: readonly string[]
  /** The builder's own variables, outputs among them. */
  readonly variables: ReadonlyMap<string, string>
  /** Names of variables that are passed in files. */
  readonly passAsFile: ReadonlySet<string>
  /** Where its outputs belong. They are no part of the image, even where a store has them. */
  readonly outputs: ReadonlyMap<string, StorePath>
}

/**
 * Reads the derivation that a nix-shell image is for. Nothing is built.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING` if it or an input of it is not there; `DEFINITION_INVALID` if it has
 *   structured attributes; and as `parseDerivation`.
 */
export async function readShellDerivation(
  drv: DrvArgument,
  drvName: string,
  context: BuildContext,
): Promise<ShellDerivation> {
  if (isRealisable(drv)) return await describedDerivation(drv, drvName, context)
  if (typeof drv !== 'string') return writtenOut(drv, context.store.dir)
  const path = await pathOf(drv, 'drv', context)
  const derivation = await readStored(path, context)
  refuseStructured(drvName, derivation.env.has('__json'))
  await checkInputs(path, derivation, context)
  return filled(drvName, derivation, (text) => text)
}

async function readStored(path: StorePath, { store }: BuildContext): Promise<Derivation> {
  await using file = await fileOfStorePath(path, 'drv', store)
  const { size } = await stat(file.path)
  // The parser would refuse it too, but only once it is in memory.
  if (size > MAX_DERIVATION_BYTES) {
    throw new DockerToolsError(
      'LIMIT_EXCEEDED',
      `Cannot read derivation "${path}": it is larger than the limit of ${MAX_DERIVATION_BYTES} bytes`,
    )
  }
  return parseDerivation(await readFile(file.path), path, store.dir)
}

/** Of inputs that its texts name, and that the image therefore has, none may be missing. */
async function checkInputs(path: StorePath, derivation: Derivation, context: BuildContext): Promise<void> {
  const texts = [derivation.builder, ...derivation.args, ...derivation.env.values()].join('\0')
  const isNamed = (input: StorePath): boolean => texts.includes(storePathHash(input))
  const missing: StorePath[] = []
  const check = async (input: StorePath): Promise<void> => {
    if (isNamed(input) && !(await context.store.has(input))) missing.push(input)
  }
  for (const source of derivation.inputSources) await check(source)
  for (const [input, names] of derivation.inputDerivations) {
    const { outputs } = await readStored(await pathOf(input, 'drv', context), context)
    for (const name of names) {
      const output = outputs.get(name)
      if (output !== undefined && output.path !== '') await check(output.path)
    }
  }
  const [first] = missing
  if (first === undefined) return
  const others = missing.length === 1 ? '' : `, nor ${missing.length - 1} more of its inputs`
  throw new DockerToolsError(
    'STORE_PATH_MISSING',
    `Cannot use derivation "${path}": no store has "${first}"${others}, what it is built from should be there`,
    { hint: `Build its inputs, for example with nix-shell --run true ${path}` },
  )
}

/** A derivation of this process: what it is built from may have to be built. */
async function describedDerivation(drv: Realisable, drvName: string, context: BuildContext): Promise<ShellDerivation> {
  const { derivation } = drv[REALISE]
  if (derivation === undefined) throw new DockerToolsError('INTERNAL', `Cannot read "${drvName}": it has no builder`)
  const { session } = context
  const { path, text, values } = await derivation.describe(session)
  const parsed = parseDerivation(text, path, context.store.dir)
  refuseStructured(drvName, parsed.env.has('__json'))
  const made = await Promise.all(values.map(async (value) => [await session.outPath(value), String(value)] as const))
  // As placeholders they are made when they are used, and count as references before.
  return filled(drvName, parsed, (value) => made.reduce((result, [from, to]) => result.replaceAll(from, to), value))
}

function writtenOut({ name, drvAttrs, outputs }: DerivationAttributes, storeDir: string): ShellDerivation {
  const { args = [], ...variables } = drvAttrs
  const what = (attribute: string): string => `attribute "${attribute}" of derivation "${name}"`
  const { builder } = variables
  if (builder === undefined || builder === '') {
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot use derivation "${name}": it has no builder`)
  }
  if (!Array.isArray(args)) {
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot use ${what('args')}: it should be a list`)
  }
  const paths = Object.entries(outputs).map(([output, path]) => [output, { path: parseStorePath(path, storeDir) }])
  return filled(
    name,
    {
      system: coerceToText(variables['system'] ?? '', what('system')),
      builder: coerceToText(builder, what('builder')),
      args: args.map((item) => coerceToText(item, what('args'))),
      env: new Map(
        Object.entries(variables).map(([attribute, value]) => [attribute, coerceToText(value, what(attribute))]),
      ),
      outputs: new Map(paths as [string, { path: StorePath }][]),
    },
    (text) => text,
  )
}

/** With paths in the place of what Nix has there until a derivation is built. */
function filled(
  name: string,
  { system, builder, args, env, outputs }: Pick<Derivation, 'system' | 'builder' | 'args' | 'env' | 'outputs'>,
  change: (text: string) => string,
): ShellDerivation {
  const paths = new Map<string, StorePath>()
  for (const [output, { path }] of outputs) if (path !== '') paths.set(output, path)
  const fill = (text: string): string =>
    [...paths].reduce((result, [output, path]) => result.replaceAll(placeholder(output), path), change(text))
  const variables = new Map([...env].map(([variable, value]) => [variable, fill(value)]))
  for (const [output, path] of paths) variables.set(output, path)
  return {
    name,
    system,
    builder: fill(builder),
    args: args.map(fill),
    variables,
    passAsFile: new Set((env.get('passAsFile') ?? '').split(/\s+/).filter((variable) => variable !== '')),
    outputs: paths,
  }
}
