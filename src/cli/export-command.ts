import { exportImage } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { type Command, type CommandInput, textOption } from './command.ts'
import { OUTPUT_OPTIONS, STORE_OPTIONS, storeOptions } from './common-options.ts'
import { IMAGE_OPTIONS, imageOptions } from './image-options.ts'
import { openOutputFile } from './output-file.ts'
import { outputOption } from './output-option.ts'
import { reporterOf } from './session.ts'

export const exportCommand: Command = {
  name: 'export',
  usage: 'ARCHIVE -o FILE [--image NAME[:TAG]] [--platform OS/ARCH]',
  summary: 'Write the file system of an image as one tar',
  description:
    'Merges the layers of an image, and writes its files as a tar that docker import takes.\n' +
    'ARCHIVE is a docker-archive, an OCI archive, the folder of an OCI layout, or a store path.',
  positionals: [1, 1],
  options: {
    output: { type: 'string', short: 'o', valueName: 'FILE', description: 'Where the tar goes' },
    image: { type: 'string', valueName: 'NAME[:TAG]', description: 'Which image of the archive; default: the first' },
    ...IMAGE_OPTIONS,
    ...STORE_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [['dockertools export image.tar.gz -o root.tar && docker import root.tar', 'Import the files into Docker']],
  run: runExport,
}

async function runExport(input: CommandInput): Promise<void> {
  const output = outputOption(input)
  if (output === undefined) throw new DockerToolsError('USAGE', 'Cannot run export: -o FILE is missing')
  const [archive = ''] = input.positionals
  const [imageName, imageTag] = splitName(textOption(input, 'image'))
  const recipe = exportImage({
    fromImage: /^(?:\/|\.\.?\/)/.test(archive) ? archive : `./${archive}`,
    fromImageName: imageName ?? null,
    fromImageTag: imageTag ?? null,
  })
  await using file = await openOutputFile(output.path, false)
  await recipe.writeTo(file, {
    ...storeOptions(input),
    ...imageOptions(input),
    onEvent: reporterOf(input),
  })
  await file.commit()
  output.printName()
}

/** The port of a registry is no tag. */
function splitName(text: string | undefined): readonly [string | undefined, string | undefined] {
  const colon = text?.lastIndexOf(':') ?? -1
  if (text === undefined || colon <= text.lastIndexOf('/')) return [text, undefined]
  return [text.slice(0, colon), text.slice(colon + 1)]
}
