import type { Realisable } from '#derivation'
import { DockerToolsError } from '#errors'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#image'
import { nearestName } from '#util'
import { ARGUMENT_KINDS, FUNCTIONS } from './definition-functions.ts'
import type { ExportRecipe } from './export-recipe.ts'
import { type MultiPlatformImage, multiPlatformImage } from './multi-platform-image.ts'
import { isRecipe } from './path-argument.ts'
import type { Recipe } from './recipe.ts'
import { toPlain } from './to-plain.ts'

/** What a definition may describe: an image, one for several platforms, or something else that can be built. */
export type Buildable = Recipe | MultiPlatformImage | ExportRecipe | Realisable

/**
 * What a definition in JSON describes: `{ "function": …, "args": … }`, or
 * `{ "images": { "amd64": …, "arm64": … }, "tag": … }`, one image for several platforms.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`, naming the nearest function where the name is unknown.
 */
export function buildableFromDefinition(value: JsonValue): Buildable {
  if (isJsonObject(value) && value.has('images') && !value.has('function')) return multiPlatform(value)
  return realisableFromDefinition(value)
}

/**
 * As `buildableFromDefinition`, of an image for one platform.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 */
export function recipeFromDefinition(value: JsonValue): Recipe {
  const made = realisableFromDefinition(value)
  if (isRecipe(made)) return made
  throw invalid(`"${readDefinition(value).name}" makes no image, it should be a function that does`)
}

function multiPlatform(value: JsonObject): MultiPlatformImage {
  const { images, $schema: _, ...others } = Object.fromEntries(value) as Readonly<Record<string, JsonValue>>
  if (!isJsonObject(images)) throw invalid('its "images" should be an object with a definition for each platform')
  const recipes = [...images].map(([platform, image]) => [platform, recipeFromDefinition(image)] as const)
  const rest = Object.fromEntries(Object.entries(others).map(([name, item]) => [name, toPlain(item)]))
  return multiPlatformImage({ ...rest, images: Object.fromEntries(recipes) })
}

function realisableFromDefinition(value: JsonValue): Realisable {
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

function lookUp(name: string): (args: never) => Realisable {
  const found = FUNCTIONS.get(name)
  if (found !== undefined) return found
  const nearest = nearestName(name, [...FUNCTIONS.keys()])
  throw invalid(`there is no function "${name}"${nearest === undefined ? '' : `, the nearest is "${nearest}"`}`)
}

/** With definitions made what they describe, and texts joined. */
function argumentsOf(args: JsonObject): Readonly<Record<string, unknown>> {
  const entries = [...args].map(([name, value]) => {
    switch (ARGUMENT_KINDS.get(name) ?? 'value') {
      case 'json':
        // It keeps its numbers and the order it was written with.
        return [name, isJsonObject(value) ? Object.fromEntries(joinTexts(value) as JsonObject) : joinTexts(value)]
      case 'data':
        return [name, toPlain(value)]
      case 'record':
        return [name, isJsonObject(value) ? toRecord(value) : toValue(value)]
      case 'texts':
        return [name, isJsonObject(value) ? toValue(value) : toTexts(value)]
      case 'attributes':
        return [name, isJsonObject(value) && isJsonObject(value.get('drvAttrs')) ? toAttributes(value) : toValue(value)]
      case 'value':
        return [name, toValue(value)]
    }
  })
  return Object.fromEntries(entries) as Readonly<Record<string, unknown>>
}

/** Objects are definitions or joined texts where they look like it. */
function toValue(value: JsonValue): unknown {
  if (isJsonArray(value)) return value.map(toValue)
  if (!isJsonObject(value)) return toPlain(value)
  const text = joinedText(value)
  if (text !== undefined) return text
  return typeof value.get('function') === 'string' ? realisableFromDefinition(value) : toRecord(value)
}

/** A variable of a derivation may be called `function`, as its members are the user's. */
function toAttributes(value: JsonObject): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...value].map(([name, item]) => [name, isJsonObject(item) ? toRecord(item) : toPlain(item)]),
  )
}

/** Its own names are no definition's. */
function toRecord(value: JsonObject): Readonly<Record<string, unknown>> {
  const text = joinedText(value)
  if (text !== undefined) throw invalid('it has "concat" where an object with names should be')
  return Object.fromEntries([...value].map(([name, item]) => [name, toValue(item)]))
}

/** As `toValue`, but a definition is the path of its output, as a text. */
function toTexts(value: JsonValue): unknown {
  if (isJsonArray(value)) return value.map(toTexts)
  const made = toValue(value)
  return isJsonObject(value) && typeof value.get('function') === 'string' ? String(made) : made
}

/** In JSON that is passed on as it is, `{"concat": […]}` stands for a text; everything else is data. */
function joinTexts(value: JsonValue): JsonValue {
  if (isJsonArray(value)) return value.map(joinTexts)
  if (!isJsonObject(value)) return value
  return joinedText(value) ?? new Map([...value].map(([name, item]) => [name, joinTexts(item)]))
}

/** What `{"concat": […]}` stands for: its texts and the outputs of its definitions, joined. */
function joinedText(value: JsonObject): string | undefined {
  const parts = value.get('concat')
  if (value.size !== 1 || !isJsonArray(parts)) return undefined
  return parts
    .map((part) => {
      if (typeof part === 'string') return part
      if (isJsonObject(part)) return joinedText(part) ?? String(realisableFromDefinition(part))
      throw invalid('its "concat" should have texts and definitions only')
    })
    .join('')
}

function invalid(reason: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot read the definition: ${reason}`)
}
