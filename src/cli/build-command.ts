import { isRecipe } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { buildFormat, chooseFormat, FORMAT_OPTION, isArchive } from './build-formats.ts'
import { type Command, type CommandInput, textOption } from './command.ts'
import { OUTPUT_OPTIONS, SCRIPT_OPTIONS, scriptOptions, STORE_OPTIONS, storeOptions } from './common-options.ts'
import { loadBuildable } from './load-definition.ts'
import { openOutputFile } from './output-file.ts'
import { reporterOf } from './session.ts'
import { streamScript } from './stream-script.ts'

export const buildCommand: Command = {
  name: 'build',
  usage: 'DEF[#name] -o FILE [--format docker-archive|oci-archive|oci]',
  summary: 'Make what a definition describes, and print where it is',
  description:
    'Makes the image that DEF describes and prints the path of the result. FILE appears only once it is whole.\n' +
    'A definition of streamLayeredImage gives a program that streams the image, unless --format asks for an archive.\n' +
    'With --format oci, FILE is a new folder.',
  positionals: [1, 1],
  options: {
    output: { type: 'string', short: 'o', valueName: 'FILE', description: 'Where the result goes' },
    format: FORMAT_OPTION,
    ...STORE_OPTIONS,
    ...SCRIPT_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    ['dockertools build image.json -o image.tar.gz && docker load < image.tar.gz', 'Build an archive and load it'],
    ['dockertools build image.ts#web -o web && ./web | docker load', 'Build a program that streams'],
    ['dockertools build image.json --format oci -o layout', 'Build an OCI layout'],
  ],
  run: runBuild,
}

async function runBuild(input: CommandInput): Promise<void> {
  const output = textOption(input, 'output')
  if (output === undefined) {
    throw new DockerToolsError('NOT_IMPLEMENTED', 'Cannot build into the local store: that is not supported yet', {
      hint: 'Give the file that the result is to be with -o FILE',
    })
  }
  const [argument = ''] = input.positionals
  const { recipe, baseDirectory } = await loadBuildable(argument)
  const options = { ...storeOptions(input), ...scriptOptions(input), baseDirectory, onEvent: reporterOf(input) }
  const format = chooseFormat(textOption(input, 'format'), recipe)
  if (format !== undefined) {
    await buildFormat(recipe, format, output, options)
  } else if (!isRecipe(recipe) || isArchive(recipe)) {
    await buildFormat(recipe, 'docker-archive', output, options)
  } else {
    // Everything is decided as far as it can be without writing an image: what cannot be streamed is told now.
    await recipe.conf(options)
    using file = openOutputFile(output, true)
    await file.write(Buffer.from(streamScript(recipe, baseDirectory, input)))
    file.commit()
  }
  process.stdout.write(`${output}\n`)
}
