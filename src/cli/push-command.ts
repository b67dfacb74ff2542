import { pushImage, type PushOptions } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { type Command, type CommandInput, textOption, textOptions } from './command.ts'
import { MAKE_OPTIONS, makeOptions, OUTPUT_OPTIONS, STORE_OPTIONS, storeOptions } from './common-options.ts'
import { IMAGE_OPTIONS, imageOptions } from './image-options.ts'
import { loadImageSource } from './load-image-source.ts'
import { REGISTRY_OPTIONS, registryOptions } from './registry-options.ts'
import { printOut } from './print-out.ts'

/** As registries and Docker limit names. */
const MAX_REPOSITORY_CHARACTERS = 255

export const pushCommand: Command = {
  name: 'push',
  usage: 'DEF[#name] | ARCHIVE [REF] [--tag TAG]…',
  summary: 'Push an image to a registry',
  description:
    'Pushes the image that DEF describes, with nothing written to disk but compressed layers for the next time, or that\n' +
    'of ARCHIVE, and prints REF@DIGEST for each tag. Without REF the image goes where its own name says.\n' +
    'Credentials are those of docker login, podman login and credential helpers.',
  positionals: [1, 2],
  options: {
    tag: { type: 'string', multiple: true, valueName: 'TAG', description: 'A further tag, repeatable' },
    compress: {
      type: 'string',
      valueName: 'gz|zstd|none',
      description: 'How layers are compressed; default: as DEF says, compressed ones of ARCHIVE as they are, else gz',
    },
    format: { type: 'string', valueName: 'oci|docker', description: 'Media types of the manifest; default: oci' },
    image: { type: 'string', valueName: 'NAME[:TAG]', description: 'Which image of ARCHIVE, where it has several' },
    'mount-from': {
      type: 'string',
      multiple: true,
      valueName: 'REPOSITORY',
      description: 'A repository of the same registry that may have the layers, repeatable',
    },
    'chunk-size': { type: 'string', valueName: 'MIB', description: 'Upload in pieces of so many MiB' },
    ...REGISTRY_OPTIONS,
    ...IMAGE_OPTIONS,
    ...STORE_OPTIONS,
    ...MAKE_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    ['dockertools push image.json registry.example/team/app:1.0', 'Push an image that is made on the way'],
    ['dockertools push image.ts#web localhost:5000/web --tag 1 --tag 1.2 --compress zstd', 'Under three tags, in zstd'],
    ['dockertools push layout.tar registry.example/app', 'All platforms of an OCI archive'],
  ],
  run: runPush,
}

async function runPush(input: CommandInput): Promise<void> {
  const [argument = '', reference] = input.positionals
  const options: PushOptions = {
    ...storeOptions(input),
    ...makeOptions(input),
    ...imageOptions(input),
    ...registryOptions(input),
    ...pushOptions(input),
  }
  const { image, baseDirectory } = await loadImageSource(argument)
  const { references } = await pushImage(image, reference, { ...options, baseDirectory })
  printOut(references.map((one) => `${one}\n`).join(''))
}

function pushOptions(input: CommandInput): PushOptions {
  const compress = oneOf(input, 'compress', ['gz', 'zstd', 'none'] as const)
  const format = oneOf(input, 'format', ['oci', 'docker'] as const)
  const image = textOption(input, 'image')
  const chunkMiB = textOption(input, 'chunk-size')
  if (chunkMiB !== undefined && !/^[1-9]\d{0,6}$/.test(chunkMiB)) {
    throw new DockerToolsError('USAGE', `Cannot use "${chunkMiB}" as --chunk-size: it should be a number of MiB`)
  }
  return {
    tags: textOptions(input, 'tag'),
    mountFrom: textOptions(input, 'mount-from').map(repositoryName),
    ...(compress === undefined ? {} : { compress }),
    ...(format === undefined ? {} : { format }),
    ...(image === undefined ? {} : { image }),
    ...(chunkMiB === undefined ? {} : { uploadChunkBytes: Number(chunkMiB) * 1024 * 1024 }),
  }
}

/** What a registry may call a repository. */
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/

function repositoryName(text: string): string {
  if (text.length <= MAX_REPOSITORY_CHARACTERS && REPOSITORY.test(text)) return text
  throw new DockerToolsError(
    'USAGE',
    `Cannot use "${text}" as --mount-from: it should be the name of a repository, without registry and tag`,
  )
}

function oneOf<T extends string>(input: CommandInput, option: string, known: readonly T[]): T | undefined {
  const given = textOption(input, option)
  const found = known.find((value) => value === given)
  if (given === undefined || found !== undefined) return found
  throw new DockerToolsError('USAGE', `Cannot use "${given}" as --${option}: it should be "${known.join('", "')}"`)
}
