import { resolve } from 'node:path'
import { mergeImages } from '#docker-tools'
import { DockerToolsError } from '#errors'
import type { Command, CommandInput } from './command.ts'
import { OUTPUT_OPTIONS, STORE_OPTIONS, storeOptions } from './common-options.ts'
import { openOutputFile } from './output-file.ts'
import { outputOption } from './output-option.ts'
import { reporterOf } from './session.ts'

export const mergeCommand: Command = {
  name: 'merge',
  usage: 'ARCHIVE … -o FILE',
  summary: 'Put the images of several archives into one',
  description:
    'Writes one docker-archive with the images of all ARCHIVEs to FILE, what they share once, compressed as the last one is.\n' +
    'An ARCHIVE is a file or a store path. FILE appears only once it is whole.',
  positionals: [1, Infinity],
  options: {
    output: { type: 'string', short: 'o', valueName: 'FILE', description: 'Where the result goes' },
    ...STORE_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [['dockertools merge web.tar.gz worker.tar.gz -o both.tar.gz', 'Ship two images in one file']],
  run: runMerge,
}

async function runMerge(input: CommandInput): Promise<void> {
  const output = outputOption(input)
  if (output === undefined) {
    throw new DockerToolsError('USAGE', 'Cannot run merge: it should be told where the result goes with -o FILE')
  }
  const recipe = mergeImages(input.positionals.map((archive) => resolve(archive)))
  await using file = await openOutputFile(output.path, false)
  await recipe.writeCompressedTo(file, { ...storeOptions(input), onEvent: reporterOf(input) })
  await file.commit()
  output.printName()
}
