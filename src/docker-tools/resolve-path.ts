import { findPlaceholders, isRealisable, type Realisable } from '#derivation'
import { DockerToolsError } from '#errors'
import { parseStorePath, type StorePath } from '#store'
import type { BuildContext } from './build-context.ts'
import { fillText } from './fill-placeholders.ts'
import type { PathArgument } from './layered-image-args.ts'

/**
 * The store path that an argument stands for: itself, a local path taken in, or
 * the output of something that is made now.
 *
 * @param argument Names it in errors, for example `contents`.
 * @throws {DockerToolsError} `STORE_PATH_MISSING`, `STORE_PATH_INVALID`, `FILE_UNREADABLE`, and what making it throws.
 */
export async function resolvePath(value: PathArgument, argument: string, context: BuildContext): Promise<StorePath> {
  const made = madeFirst(value)
  if (made !== undefined) await context.session.realise(made)
  return await pathOf(value, argument, context)
}

/**
 * As `resolvePath`, but nothing is made: where the output of something will be.
 *
 * @throws {DockerToolsError} `STORE_PATH_MISSING`, `STORE_PATH_INVALID`, `FILE_UNREADABLE`.
 */
export async function pathOf(value: PathArgument, argument: string, context: BuildContext): Promise<StorePath> {
  if (isRealisable(value)) return await context.session.outPath(value)
  const { value: text, used } = await fillText(value, context)
  if (!text.startsWith(`${context.store.dir}/`)) return await context.sources.add(text, context.baseDirectory)
  const path = parseStorePath(text.replace(/\/+$/, ''), context.store.dir)
  if (used.length > 0 || (await context.store.has(path))) return path
  throw new DockerToolsError('STORE_PATH_MISSING', `Cannot use "${path}" in ${argument}: no store has it`, {
    hint: `The stores asked are: ${context.store.uri}. Give others with --store`,
  })
}

/** What has to be made before a path can be read. */
export function madeFirst(value: PathArgument): Realisable | undefined {
  if (isRealisable(value)) return value
  const [first] = findPlaceholders(value).values()
  return first
}
