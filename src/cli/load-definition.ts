import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  type Buildable,
  buildableFromDefinition,
  isExportRecipe,
  isMultiPlatformImage,
  isRecipe,
  type Recipe,
} from '#docker-tools'
import { isRealisable, REALISE } from '#derivation'
import { DockerToolsError } from '#errors'
import { type JsonValue, parseJson } from '#image'
import { nearestName } from '#util'
import { loadModule } from './load-module.ts'
import { isDescriptor } from './open-input.ts'
import { readStdin, readTextFile } from './read-text.ts'

/** A definition that was read, and the folder that its relative paths are taken from. */
export interface LoadedDefinition<T = Recipe> {
  readonly recipe: T
  readonly baseDirectory: string
}

/**
 * As `loadBuildable`, of an image for one platform.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID` also for what only `build` can make.
 */
export async function loadDefinition(argument: string): Promise<LoadedDefinition> {
  const { recipe, baseDirectory } = await loadBuildable(argument)
  if (isRecipe(recipe)) return { recipe, baseDirectory }
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot use "${argument}" here: it is ${describe(recipe)}, it should be an image`,
    { hint: 'Make it with dockertools build' },
  )
}

function describe(value: Exclude<Buildable, Recipe>): string {
  return isMultiPlatformImage(value) || isExportRecipe(value) ? `a result of ${value.function}` : value[REALISE].name
}

/** A definition as it is named on the command line, and its text where it is one: what can be read once is read once. */
export type DefinitionSource = { readonly shown: string; readonly baseDirectory: string } & (
  | { readonly kind: 'module'; readonly path: string; readonly exportName: string }
  | { readonly kind: 'text'; readonly text: string }
)

/**
 * Reads a definition: a JSON file, `-` for JSON on standard input, or a module
 * whose default export, or the one named behind `#`, is a recipe, or something else that can be built.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`, `FILE_UNREADABLE`, and what the functions throw.
 */
export async function loadBuildable(argument: string): Promise<LoadedDefinition<Buildable>> {
  return await buildableFrom(await readDefinition(argument))
}

/** Finds a definition, and reads it where it is JSON. */
export async function readDefinition(argument: string): Promise<DefinitionSource> {
  if (argument === '-') {
    return { kind: 'text', text: await readStdin(), shown: 'standard input', baseDirectory: process.cwd() }
  }
  const [file, exportName] = splitName(argument)
  const path = resolve(file)
  const baseDirectory = isDescriptor(path) ? process.cwd() : dirname(path)
  const shown = `"${file}"`
  if (/\.[cm]?[jt]s$/.test(path)) {
    return { kind: 'module', path, exportName: exportName ?? 'default', shown, baseDirectory }
  }
  if (exportName !== undefined) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot pick "#${exportName}" of ${shown}: only modules have names`,
    )
  }
  return { kind: 'text', text: await readTextFile(path, file), shown, baseDirectory }
}

/** What stands behind the last `#` is a name, unless there is a file that is called so. */
function splitName(argument: string): readonly [file: string, exportName: string | undefined] {
  const hash = argument.lastIndexOf('#')
  if (hash <= argument.lastIndexOf('/') + 1 || existsSync(argument)) return [argument, undefined]
  return [argument.slice(0, hash), argument.slice(hash + 1)]
}

/** What the source describes. */
export async function buildableFrom(source: DefinitionSource): Promise<LoadedDefinition<Buildable>> {
  const { baseDirectory, shown } = source
  if (source.kind === 'text')
    return { recipe: buildableFromDefinition(parseDefinition(source.text, shown)), baseDirectory }
  const module = await loadModule(source.path, shown)
  const value = module[source.exportName]
  if (isRealisable(value) || isMultiPlatformImage(value)) return { recipe: value, baseDirectory }
  throw notARecipe(shown, source.exportName, Object.keys(module))
}

/**
 * A definition that is no JSON is as wrong as one with a wrong argument.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 */
export function parseDefinition(text: string, what: string): JsonValue {
  if (text.trim() === '') {
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot read ${what}: it is empty, it should be JSON`)
  }
  try {
    return parseJson(text, what)
  } catch (error) {
    if (!(error instanceof DockerToolsError) || error.code !== 'FORMAT_INVALID') throw error
    throw new DockerToolsError('DEFINITION_INVALID', error.message, { cause: error })
  }
}

function notARecipe(shown: string, exportName: string, exports: readonly string[]): DockerToolsError {
  const nearest = nearestName(exportName, exports)
  const isThere = exports.includes(exportName)
  const reason = isThere
    ? 'it should be what an image function or a builder returned'
    : `the module has no such export${nearest === undefined ? '' : `, the nearest is "${nearest}"`}`
  return new DockerToolsError('DEFINITION_INVALID', `Cannot use export "${exportName}" of ${shown}: ${reason}`, {
    hint: `It exports: ${exports.join(', ') || 'nothing'}`,
  })
}
