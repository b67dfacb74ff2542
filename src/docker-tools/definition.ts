import { DockerToolsError } from '#errors'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#image'
import { nearestName } from '#util'
import { buildImage } from './build-image.ts'
import { buildImageWithNixDb } from './build-image-with-nix-db.ts'
import { buildLayeredImage } from './build-layered-image.ts'
import { buildLayeredImageWithNixDb } from './build-layered-image-with-nix-db.ts'
import { type ExportImageArgs, exportImage } from './export-image.ts'
import type { ExportRecipe } from './export-recipe.ts'
import { mergeImages } from './merge-images.ts'
import { type MultiPlatformImage, multiPlatformImage } from './multi-platform-image.ts'
import { pullImage } from './pull-image.ts'
import type { Recipe } from './recipe.ts'
import { streamLayeredImage } from './stream-layered-image.ts'
import { toPlain } from './to-plain.ts'

/** Functions that a definition may name. */
const FUNCTIONS: ReadonlyMap<string, (args: never) => Recipe> = new Map<string, (args: never) => Recipe>([
  ['streamLayeredImage', streamLayeredImage],
  ['buildLayeredImage', buildLayeredImage],
  ['buildImage', buildImage],
  ['buildImageWithNixDb', buildImageWithNixDb],
  ['buildLayeredImageWithNixDb', buildLayeredImageWithNixDb],
  ['mergeImages', mergeImages],
  ['pullImage', pullImage],
])

/** Functions of the plan that are not built yet: known, and refused. */
const UNBUILT: readonly string[] = [
  'streamNixShellImage',
  'buildNixShellImage',
  'binSh',
  'usrBinEnv',
  'caCertificates',
  'fakeNss',
  'derivation',
  'runCommand',
  'writeText',
  'writeTextDir',
  'writeTextFile',
  'writeScript',
  'writeScriptBin',
  'writeShellScript',
  'writeShellScriptBin',
  'symlinkJoin',
  'buildEnv',
  'importPath',
  'fetchurl',
  'storePath',
  'fromBinaryCache',
  'nixpkgs',
  'hostProgram',
]

/** What a definition may describe: an image, one for several platforms, or the file system of one. */
export type Buildable = Recipe | MultiPlatformImage | ExportRecipe

/**
 * As `recipeFromDefinition`, and besides images what `build` alone can make: `exportImage`, and
 * `{ "images": { "amd64": …, "arm64": … }, "tag": … }`, one image for several platforms.
 *
 * @throws {DockerToolsError} as `recipeFromDefinition`.
 */
export function buildableFromDefinition(value: JsonValue): Buildable {
  if (isJsonObject(value) && value.has('images') && !value.has('function')) return multiPlatform(value)
  if (isJsonObject(value) && value.get('function') === 'exportImage') {
    return exportImage(argumentsOf(readDefinition(value).args) as unknown as ExportImageArgs)
  }
  return recipeFromDefinition(value)
}

function multiPlatform(value: JsonObject): MultiPlatformImage {
  const { images, $schema: _, ...others } = Object.fromEntries(value) as Readonly<Record<string, JsonValue>>
  if (!isJsonObject(images)) throw invalid('its "images" should be an object with a definition for each platform')
  const recipes = [...images].map(([platform, image]) => [platform, recipeFromDefinition(image)] as const)
  const rest = Object.fromEntries(Object.entries(others).map(([name, item]) => [name, toPlain(item)]))
  return multiPlatformImage({ ...rest, images: Object.fromEntries(recipes) })
}

/**
 * The recipe that a definition in JSON describes: `{ "function": …, "args": … }`.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`, naming the nearest function where the name is unknown;
 *   `NOT_IMPLEMENTED` for a function that is not built yet.
 */
export function recipeFromDefinition(value: JsonValue): Recipe {
  const { name, args } = readDefinition(value)
  return lookUp(name)(argumentsOf(args) as never)
}

function readDefinition(value: JsonValue): { readonly name: string; readonly args: JsonObject } {
  if (!isJsonObject(value)) throw invalid('it should be an object with "function" and "args"')
  for (const name of value.keys()) {
    // Editors look for the schema there.
    if (name !== 'function' && name !== 'args' && name !== '$schema')
      throw invalid(`it has "${name}", it should have "function" and "args" only`)
  }
  const name = value.get('function')
  if (typeof name !== 'string') throw invalid('its "function" should be the name of a function')
  const args = value.get('args') ?? new Map<string, JsonValue>()
  if (!isJsonObject(args)) throw invalid('its "args" should be an object')
  return { name, args }
}

function lookUp(name: string): (args: never) => Recipe {
  const found = FUNCTIONS.get(name)
  if (found !== undefined) return found
  if (name === 'exportImage') throw invalid('the result of "exportImage" is a file system, it should be an image')
  if (UNBUILT.includes(name)) {
    throw new DockerToolsError('NOT_IMPLEMENTED', `Cannot use function "${name}": it is not supported yet`)
  }
  const nearest = nearestName(name, [...FUNCTIONS.keys(), 'exportImage', ...UNBUILT])
  throw invalid(`there is no function "${name}"${nearest === undefined ? '' : `, the nearest is "${nearest}"`}`)
}

/** Images inside an image become recipes; `config` keeps the numbers and the order it was written with. */
function argumentsOf(args: JsonObject): Readonly<Record<string, unknown>> {
  const entries = [...args].map(([name, value]) => {
    if (name === 'config') return [name, isJsonObject(value) ? Object.fromEntries(resolveStrings(value)) : value]
    if (name === 'fromImage' && isJsonObject(value)) return [name, recipeFromDefinition(value)]
    if (name === 'images' && isJsonArray(value)) {
      return [name, value.map((item) => (isJsonObject(item) ? recipeFromDefinition(item) : toPlain(item)))]
    }
    return [name, toPlain(value)]
  })
  return Object.fromEntries(entries) as Readonly<Record<string, unknown>>
}

/** `{"concat": […]}` in a string's place joins texts and the outputs of definitions. */
function resolveStrings(value: JsonObject): Map<string, JsonValue> {
  return new Map([...value].map(([name, item]) => [name, resolveString(item)]))
}

function resolveString(value: JsonValue): JsonValue {
  if (isJsonArray(value)) return value.map(resolveString)
  if (!isJsonObject(value)) return value
  const parts = value.get('concat')
  if (value.size !== 1 || !isJsonArray(parts)) return resolveStrings(value)
  return parts
    .map((part) => {
      if (typeof part === 'string') return part
      if (isJsonObject(part)) recipeFromDefinition(part)
      throw new DockerToolsError(
        'NOT_IMPLEMENTED',
        'Cannot use the output of a definition in "concat": it is not supported yet',
      )
    })
    .join('')
}

function invalid(reason: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot read the definition: ${reason}`)
}
