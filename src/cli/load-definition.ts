import { readFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isRecipe, type Recipe, recipeFromDefinition } from '#docker-tools'
import { DockerToolsError, systemErrorCode } from '#errors'
import { type JsonValue, parseJson } from '#image'
import { nearestName } from '#util'

/** A definition that was read, and the folder that its relative paths are taken from. */
export interface LoadedDefinition {
  readonly recipe: Recipe
  readonly baseDirectory: string
}

/** A definition larger than this is a mistake. */
const MAX_DEFINITION_BYTES = 64 * 1024 * 1024

/**
 * Reads a definition: a JSON file, `-` for JSON on standard input, or a module
 * whose default export, or the one named behind `#`, is a recipe.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`, `FILE_UNREADABLE`, and what the functions throw.
 */
export async function loadDefinition(argument: string): Promise<LoadedDefinition> {
  if (argument === '-') return { recipe: recipeFromDefinition(await readStdin()), baseDirectory: process.cwd() }
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
  return { recipe: recipeFromDefinition(await readJsonFile(path, file)), baseDirectory }
}

/** Parses a JSON file named on the command line. */
export async function readJsonFile(path: string, shown: string): Promise<JsonValue> {
  return parseJson(await readTextFile(path, shown), `"${shown}"`)
}

/** Reads a text file named on the command line. */
export async function readTextFile(path: string, shown: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const reason =
      systemErrorCode(error) === 'ENOENT' ? 'there is no such file' : (systemErrorCode(error) ?? String(error))
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${shown}": ${reason}`, { cause: error })
  }
}

/** The JSON on standard input. */
export async function readStdin(): Promise<JsonValue> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_DEFINITION_BYTES) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot read standard input: it has more than ${MAX_DEFINITION_BYTES} bytes`,
      )
    }
    parts.push(part)
  }
  return parseJson(Buffer.concat(parts).toString('utf8'), 'standard input')
}

async function loadModule(path: string, shown: string, exportName: string): Promise<Recipe> {
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
  if (isRecipe(value)) return value
  throw notARecipe(shown, exportName, Object.keys(module))
}

function notARecipe(shown: string, exportName: string, exports: readonly string[]): DockerToolsError {
  const nearest = nearestName(exportName, exports)
  const isThere = exports.includes(exportName)
  const reason = isThere
    ? 'it should be what an image function returned'
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
  const entrance = import.meta.resolve(import.meta.url.endsWith('.ts') ? '../index.ts' : '../index.js')
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'dockertools' ? { url: entrance, shortCircuit: true } : next(specifier, context),
  })
}
