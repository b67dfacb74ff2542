import { DockerToolsError } from '#errors'
import { parseStorePath, type StorePath } from '#store'
import type { BuildContext } from './build-context.ts'
import type { PathArgument } from './layered-image-args.ts'
import { isRecipe } from './path-argument.ts'

/**
 * The store path that an argument stands for: itself, or a local path taken in.
 *
 * @param argument Names it in errors, for example `contents`.
 * @throws {DockerToolsError} `STORE_PATH_MISSING`, `STORE_PATH_INVALID`, `FILE_UNREADABLE`, `NOT_IMPLEMENTED`.
 */
export async function resolvePath(value: PathArgument, argument: string, context: BuildContext): Promise<StorePath> {
  if (typeof value !== 'string') throw unsupported(value, argument)
  if (!value.startsWith(`${context.store.dir}/`)) return context.sources.add(value, context.baseDirectory)
  const path = parseStorePath(value.replace(/\/+$/, ''), context.store.dir)
  if (await context.store.has(path)) return path
  throw new DockerToolsError('STORE_PATH_MISSING', `Cannot use "${path}" in ${argument}: no store has it`, {
    hint: `The stores asked are: ${context.store.uri}. Give others with --store`,
  })
}

function unsupported(value: Exclude<PathArgument, string>, argument: string): DockerToolsError {
  return new DockerToolsError(
    'NOT_IMPLEMENTED',
    `Cannot use a result of ${value.function} in ${argument}: ${isRecipe(value) ? 'images are taken in "fromImage" only' : 'definitions inside definitions are not supported yet'}`,
  )
}
