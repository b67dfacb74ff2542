import {
  type ArchiveRecipe,
  type Buildable,
  type BuildOptions,
  type ExportRecipe,
  isExportRecipe,
  isMultiPlatformImage,
  isRecipe,
  type MultiPlatformImage,
  type Recipe,
  writeOciArchive,
  writeOciLayout,
} from '#docker-tools'
import { DockerToolsError } from '#errors'
import type { CommandOption } from './command.ts'
import { openOutputFile } from './output-file.ts'
import { openOutputFolder } from './output-folder.ts'

const FORMATS = ['docker-archive', 'oci-archive', 'oci'] as const

/** The forms an image may have on disk. */
export type ImageFormat = (typeof FORMATS)[number]

export const FORMAT_OPTION: CommandOption = {
  type: 'string',
  valueName: 'docker-archive|oci-archive|oci',
  description:
    'What the image becomes: an archive for Docker (the default), an OCI archive, or the folder of an OCI layout',
}

/**
 * The format that is asked for, or that the result has to have; undefined where the recipe decides.
 *
 * @throws {DockerToolsError} `USAGE`, also for a format that the result cannot have.
 */
export function chooseFormat(asked: string | undefined, recipe: Buildable): ImageFormat | undefined {
  const format = FORMATS.find((name) => name === asked)
  if (asked !== undefined && format === undefined) {
    throw new DockerToolsError('USAGE', `Cannot use format "${asked}": it should be "${FORMATS.join('", "')}"`)
  }
  if (isExportRecipe(recipe) && format !== undefined) {
    throw new DockerToolsError('USAGE', 'Cannot use "--format" with exportImage: its result is a tar of files')
  }
  if (format !== undefined && !isRecipe(recipe) && !isMultiPlatformImage(recipe)) {
    throw new DockerToolsError('USAGE', 'Cannot use "--format" here: only images have one')
  }
  if (!isMultiPlatformImage(recipe)) return format
  if (format === 'docker-archive') {
    throw new DockerToolsError(
      'USAGE',
      'Cannot write an image for several platforms as "docker-archive": it holds one',
      {
        hint: 'Use --format oci-archive or oci',
      },
    )
  }
  return format ?? 'oci-archive'
}

/** Makes it, and puts it in its place. */
export async function buildFormat(
  recipe: Recipe | ExportRecipe | MultiPlatformImage,
  format: ImageFormat,
  output: string,
  options: BuildOptions,
): Promise<void> {
  if (format === 'oci' && !isExportRecipe(recipe)) {
    using folder = openOutputFolder(output)
    await writeOciLayout(recipe, folder.path, options)
    folder.commit()
    return
  }
  await using file = await openOutputFile(output, false)
  if (isExportRecipe(recipe)) await recipe.writeTo(file, options)
  else if (isMultiPlatformImage(recipe) || format === 'oci-archive') await writeOciArchive(recipe, file, options)
  else if (isArchive(recipe)) await recipe.writeCompressedTo(file, options)
  else await recipe.writeTo(file, options)
  await file.commit()
}

/** Whether the recipe makes a compressed archive, rather than a stream. */
export function isArchive(recipe: Recipe): recipe is ArchiveRecipe {
  return 'writeCompressedTo' in recipe
}
