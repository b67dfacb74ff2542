import { isAbsolute, resolve } from 'node:path'
import { isRecipe, type Recipe } from '#docker-tools'
import { type CommandInput, switchOption, textOptions } from './command.ts'

/**
 * A program that streams the image of a recipe, as upstream's output is: it
 * takes `-t REPO:TAG` and writes the archive to standard output. The definition
 * is in it, with every path made absolute; what the paths hold is not.
 */
export function streamScript(recipe: Recipe, baseDirectory: string, input: CommandInput): string {
  const stores = textOptions(input, 'store').flatMap((store) => ['--store', store])
  const keys = textOptions(input, 'trusted-public-key').flatMap((key) => ['--trusted-public-key', key])
  const signatures = switchOption(input, 'no-check-signatures') ? ['--no-check-signatures'] : []
  const program = [process.execPath, resolve(process.argv[1] ?? 'dockertools')]
  const command = [...program, 'stream', ...stores, ...keys, ...signatures].map(quote).join(' ')
  const definition = JSON.stringify(toDefinition(recipe, baseDirectory))
  return `#!/bin/sh\n# Streams the image "${recipe.imageName}" to standard output. -t REPO:TAG names it otherwise.\nexec ${command} "$@" - <<'DOCKERTOOLS_DEFINITION'\n${definition}\nDOCKERTOOLS_DEFINITION\n`
}

function toDefinition(recipe: Recipe, baseDirectory: string): unknown {
  const args = Object.entries(recipe.args).map(([name, value]) => [
    name,
    name === 'fromImage' || name === 'contents' || (name === 'layeringPipeline' && typeof value === 'string')
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

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
