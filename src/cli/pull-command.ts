import { pullArchive } from '#docker-tools'
import { withReporter } from '#events'
import { hostPlatform, parsePlatform } from '#image'
import { parseReference } from '#registry'
import { type Command, type CommandInput, textOption } from './command.ts'
import { OUTPUT_OPTIONS } from './common-options.ts'
import { openOutputFile } from './output-file.ts'
import { namedOutput, outputOption } from './output-option.ts'
import { REGISTRY_OPTIONS, registryOptions } from './registry-options.ts'

export const pullCommand: Command = {
  name: 'pull',
  usage: 'REF [-o FILE] [--platform OS/ARCH] [--name NAME[:TAG]]',
  summary: 'Fetch an image from a registry into a docker-archive',
  description:
    'Writes the archive that skopeo copy docker://REF docker-archive:FILE writes, and prints where it is.\n' +
    'REF is [REGISTRY/]NAME[:TAG][@DIGEST]. FILE appears only once it is whole; default: NAME-TAG.tar.\n' +
    'Credentials are found as Docker and podman keep them.',
  positionals: [1, 1],
  options: {
    output: { type: 'string', short: 'o', valueName: 'FILE', description: 'Where the archive goes' },
    platform: {
      type: 'string',
      valueName: 'OS/ARCH',
      description: 'Which of several platforms; default: this machine’s',
    },
    name: { type: 'string', valueName: 'NAME[:TAG]', description: 'What the image is called in the archive' },
    ...REGISTRY_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [['dockertools pull alpine:3.20 -o alpine.tar && docker load < alpine.tar', 'Fetch an image and load it']],
  run: runPull,
}

async function runPull(input: CommandInput): Promise<void> {
  const [text = ''] = input.positionals
  const reference = parseReference(text)
  const asked = textOption(input, 'platform')
  const platform = asked === undefined ? hostPlatform() : parsePlatform(asked)
  const name = textOption(input, 'name')
  const finalName = name === undefined ? { ...reference, digest: undefined } : parseReference(name)
  const output = outputOption(input) ?? namedOutput(fileName(finalName.repository, finalName.tag ?? 'latest'))
  const options = registryOptions(input)
  await using file = await openOutputFile(output.path, false)
  await withReporter(options.onEvent, () => pullArchive({ reference, platform, finalName }, file, options))
  await file.commit()
  output.printName()
}

function fileName(repository: string, tag: string): string {
  return `${repository.slice(repository.lastIndexOf('/') + 1)}-${tag}.tar`
}
