import type { ArchiveRecipe, ImageFileRecipe, Recipe } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { type Command, type CommandInput, textOption } from './command.ts'
import { OUTPUT_OPTIONS, STORE_OPTIONS, storeOptions } from './common-options.ts'
import { loadDefinition } from './load-definition.ts'
import { openOutputFile } from './output-file.ts'
import { reporterOf } from './session.ts'
import { streamScript } from './stream-script.ts'

export const buildCommand: Command = {
  name: 'build',
  usage: 'DEF[#name] -o FILE',
  summary: 'Make what a definition describes, and print where it is',
  description:
    'Makes the image that DEF describes and prints the path of the result. FILE appears only once it is whole.\n' +
    'A definition of streamLayeredImage gives a program that streams the image.',
  positionals: [1, 1],
  options: {
    output: { type: 'string', short: 'o', valueName: 'FILE', description: 'Where the result goes' },
    ...STORE_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    ['dockertools build image.json -o image.tar.gz && docker load < image.tar.gz', 'Build an archive and load it'],
    ['dockertools build image.ts#web -o web && ./web | docker load', 'Build a program that streams'],
  ],
  run: runBuild,
}

async function runBuild(input: CommandInput): Promise<void> {
  const output = textOption(input, 'output')
  if (output === undefined) {
    throw new DockerToolsError('NOT_IMPLEMENTED', 'Cannot build into the store: there is no local store yet', {
      hint: 'Give the file that the result is to be with -o FILE',
    })
  }
  const [argument = ''] = input.positionals
  const { recipe, baseDirectory } = await loadDefinition(argument)
  const options = { ...storeOptions(input), baseDirectory, onEvent: reporterOf(input) }
  if (isArchive(recipe)) {
    using file = openOutputFile(output, false)
    await recipe.writeCompressedTo(file, options)
    file.commit()
  } else {
    // Everything is decided as far as it can be without writing an image: what cannot be streamed is told now.
    await recipe.conf(options)
    using file = openOutputFile(output, true)
    await file.write(Buffer.from(streamScript(recipe, baseDirectory, input)))
    file.commit()
  }
  process.stdout.write(`${output}\n`)
}

function isArchive(recipe: Recipe): recipe is ArchiveRecipe | ImageFileRecipe {
  return recipe.function !== 'streamLayeredImage'
}
