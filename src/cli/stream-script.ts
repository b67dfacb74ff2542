import { realpathSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { findPlaceholders, isRealisable } from '#derivation'
import { type BuildOptions, isRecipe, type Recipe } from '#docker-tools'
import { type CommandInput, switchOption, textOption, textOptions } from './command.ts'
import { encodeDefinition } from './encode-definition.ts'

/**
 * A program that streams the image of a recipe, as upstream's output is: it
 * takes `-t REPO:TAG` and writes the archive to standard output. The definition
 * is in it, with every path made absolute; what the paths hold is not. Where
 * the image has parts that have to be built, it runs the program in the store.
 */
export async function streamScript(recipe: Recipe, input: CommandInput, options: BuildOptions): Promise<string> {
  const intro = `#!/bin/sh\n# Streams the image "${recipe.imageName}" to standard output. -t REPO:TAG names it otherwise.\n`
  if (hasBuiltParts(recipe)) return `${intro}exec ${quote((await recipe.build(options)).path)} "$@"\n`
  const stores = textOptions(input, 'store').flatMap((store) => ['--store', absoluteStore(store)])
  const keys = textOptions(input, 'trusted-public-key').flatMap((key) => ['--trusted-public-key', key])
  const signatures = switchOption(input, 'no-check-signatures') ? ['--no-check-signatures'] : []
  const scripts = ['runner', 'timeout'].flatMap((name) => {
    const value = textOption(input, name)
    return value === undefined ? [] : [`--${name}`, value]
  })
  const kernel = textOption(input, 'vm-kernel')
  const guests = kernel === undefined ? [] : ['--vm-kernel', resolve(kernel)]
  // npx runs a link in its own cache, which is cleaned some day: the program itself stays.
  const program = [process.execPath, realpathSync(process.argv[1] ?? 'dockertools')]
  const command = [...program, 'stream', ...stores, ...keys, ...signatures, ...scripts, ...guests].map(quote).join(' ')
  const definition = encodeDefinition(toDefinition(recipe, options.baseDirectory ?? process.cwd()))
  return `${intro}exec ${command} "$@" - <<'DOCKERTOOLS_DEFINITION'\n${definition}\nDOCKERTOOLS_DEFINITION\n`
}

/** Whether something other than images is an argument, by itself or in a text. */
function hasBuiltParts(recipe: Recipe): boolean {
  const pending: unknown[] = Object.entries(recipe.args)
    .filter(([name]) => !FOR_READERS_ONLY.includes(name))
    .map(([, value]) => value)
  // An object that holds itself is no definition, and has been refused.
  for (let value = pending.pop(); pending.length > 0 || value !== undefined; value = pending.pop()) {
    if (typeof value === 'string' && findPlaceholders(value).size > 0) return true
    if (typeof value !== 'object' || value === null) continue
    if (isRecipe(value)) {
      if (hasBuiltParts(value)) return true
    } else if (isRealisable(value)) return true
    else if (value instanceof Map) pending.push(...(value as Map<unknown, unknown>).entries())
    else pending.push(...(Object.values(value) as unknown[]))
  }
  return false
}

/** Arguments that no byte of an image depends on, and that may hold anything. */
const FOR_READERS_ONLY: readonly string[] = ['passthru', 'meta']

function toDefinition(recipe: Recipe, baseDirectory: string): unknown {
  const relevant = Object.entries(recipe.args).filter(([name]) => !FOR_READERS_ONLY.includes(name))
  const args = relevant.map(([name, value]) => [
    name,
    ['fromImage', 'contents', 'copyToRoot', 'images'].includes(name) ||
    (name === 'layeringPipeline' && typeof value === 'string')
      ? absolute(value, baseDirectory)
      : value,
  ])
  return { function: recipe.function, args: Object.fromEntries(args) as unknown }
}

function absolute(value: unknown, baseDirectory: string): unknown {
  if (typeof value === 'string') return isAbsolute(value) ? value : resolve(baseDirectory, value)
  if (Array.isArray(value)) return value.map((item) => absolute(item, baseDirectory))
  return isRecipe(value) ? toDefinition(value, baseDirectory) : value
}

/** The program may be run from any folder. */
function absoluteStore(uri: string): string {
  return uri.startsWith('graph:') ? `graph:${resolve(uri.slice('graph:'.length))}` : uri
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
