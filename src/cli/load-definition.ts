import { registerHooks } from 'node:module'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
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

/**
 * Reads a definition: a JSON file, `-` for JSON on standard input, or a module
 * whose default export, or the one named behind `#`, is a recipe, or something else that can be built.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`, `FILE_UNREADABLE`, and what the functions throw.
 */
export async function loadBuildable(argument: string): Promise<LoadedDefinition<Buildable>> {
  if (argument === '-')
    return {
      recipe: buildableFromDefinition(parseDefinition(await readStdin(), 'standard input')),
      baseDirectory: process.cwd(),
    }
  const hash = argument.lastIndexOf('#')
  const [file, exportName] = hash > 0 ? [argument.slice(0, hash), argument.slice(hash + 1)] : [argument, undefined]
  const path = resolve(file)
  const baseDirectory = dirname(path)
  if (/\.[cm]?[jt]s$/.test(path)) {
    return { recipe: await loadModule(path, file, exportName ?? 'default'), baseDirectory }
  }
  if (exportName !== undefined) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot pick "#${exportName}" of "${file}": only modules have names`,
    )
  }
  return {
    recipe: buildableFromDefinition(parseDefinition(await readTextFile(path, file), `"${file}"`)),
    baseDirectory,
  }
}

/** A definition that is no JSON is as wrong as one with a wrong argument. */
function parseDefinition(text: string, what: string): JsonValue {
  try {
    return parseJson(text, what)
  } catch (error) {
    if (!(error instanceof DockerToolsError) || error.code !== 'FORMAT_INVALID') throw error
    throw new DockerToolsError('DEFINITION_INVALID', error.message, { cause: error })
  }
}

async function loadModule(path: string, shown: string, exportName: string): Promise<Buildable> {
  answerForPackage()
  let module: Readonly<Record<string, unknown>>
  try {
    module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    if (error instanceof DockerToolsError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot load "${shown}": ${reason}`, { cause: error })
  }
  const value = module[exportName]
  if (isRealisable(value) || isMultiPlatformImage(value)) return value
  throw notARecipe(shown, exportName, Object.keys(module))
}

function notARecipe(shown: string, exportName: string, exports: readonly string[]): DockerToolsError {
  const nearest = nearestName(exportName, exports)
  const isThere = exports.includes(exportName)
  const reason = isThere
    ? 'it should be what an image function or a builder returned'
    : `the module has no such export${nearest === undefined ? '' : `, the nearest is "${nearest}"`}`
  return new DockerToolsError('DEFINITION_INVALID', `Cannot use export "${exportName}" of "${shown}": ${reason}`, {
    hint: `It exports: ${exports.join(', ') || 'nothing'}`,
  })
}

let isAnswering = false

/** A definition may import `dockertools` from any folder: this program is what it gets. */
function answerForPackage(): void {
  if (isAnswering) return
  isAnswering = true
  const entrance = import.meta.resolve(import.meta.url.endsWith('.ts') ? '../index.ts' : './index.js')
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'dockertools' ? { url: entrance, shortCircuit: true } : next(specifier, context),
  })
}
