import { findPlaceholders, type Realisable, replacePlaceholders } from '#derivation'
import { encodeNixJson, isJsonArray, isJsonObject, type JsonValue, sortJson } from '#image'
import type { StorePath } from '#store'
import type { BuildContext } from './build-context.ts'

/** Texts of an argument with the paths that placeholders stand for. */
export interface FilledTexts<Value> {
  readonly value: Value
  /** What they stood for. */
  readonly used: readonly Realisable[]
  /** Where the outputs of `used` are, or will be. */
  readonly paths: readonly StorePath[]
}

/** Puts paths in the place of placeholders in a text. Nothing is made. */
export async function fillText(text: string, context: BuildContext): Promise<FilledTexts<string>> {
  const { paths, used } = await lookUp(text, context)
  return { value: replacePlaceholders(text, paths), used, paths: [...paths.values()] }
}

/** As `fillText`, in all texts of a value, names of members too; these are sorted again. */
export async function fillJson(value: JsonValue, context: BuildContext): Promise<FilledTexts<JsonValue>> {
  const { paths, used } = await lookUp(encodeNixJson(value), context)
  const filled = used.length === 0 ? value : sortJson(mapTexts(value, (text) => replacePlaceholders(text, paths)))
  return { value: filled, used, paths: [...paths.values()] }
}

async function lookUp(text: string, { session }: BuildContext) {
  const found = findPlaceholders(text)
  const paths = new Map<string, StorePath>()
  for (const [placeholder, value] of found) paths.set(placeholder, await session.outPath(value))
  return { paths, used: [...found.values()] }
}

/** The value is as deep as definitions may be, which is no danger to the stack. */
function mapTexts(value: JsonValue, change: (text: string) => string): JsonValue {
  if (typeof value === 'string') return change(value)
  if (isJsonArray(value)) return value.map((item) => mapTexts(item, change))
  if (!isJsonObject(value)) return value
  return new Map([...value].map(([name, item]) => [change(name), mapTexts(item, change)]))
}
