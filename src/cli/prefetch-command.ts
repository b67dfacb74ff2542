import { type PrefetchedImage, prefetchImage } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { parseReference } from '#registry'
import type { HashAlgorithm } from '#store'
import { type Command, type CommandInput, switchOption, textOption } from './command.ts'
import { OUTPUT_OPTIONS } from './common-options.ts'
import { defaultTarget } from './default-stores.ts'
import { REGISTRY_OPTIONS, registryOptions } from './registry-options.ts'
import { printOut } from './print-out.ts'

const ALGORITHMS: readonly HashAlgorithm[] = ['md5', 'sha1', 'sha256', 'sha512']

export const prefetchCommand: Command = {
  name: 'prefetch',
  usage: 'NAME [TAG|DIGEST] [--os OS] [--arch ARCH] [--json|--ts]',
  summary: 'Fetch an image, and print the arguments by which pullImage gets it again',
  description:
    'Takes the options of nix-prefetch-docker. The archive is added to a store, and the arguments of pullImage are\n' +
    'printed: as a Nix attribute set, with --json as JSON, with --ts as TypeScript.',
  positionals: [0, 2],
  options: {
    'image-name': { type: 'string', valueName: 'NAME', description: 'The image, as the first argument has it' },
    'image-tag': { type: 'string', valueName: 'TAG', description: 'Its tag; default latest' },
    'image-digest': {
      type: 'string',
      valueName: 'DIGEST',
      description: 'Its digest; default: what the tag stands for',
    },
    'final-image-name': { type: 'string', valueName: 'NAME', description: 'Its name in the archive; default: NAME' },
    'final-image-tag': { type: 'string', valueName: 'TAG', description: 'Its tag in the archive; default: TAG' },
    os: { type: 'string', valueName: 'OS', description: 'Which of several platforms; default linux' },
    arch: { type: 'string', valueName: 'ARCH', description: 'Which of several platforms; default amd64' },
    json: { type: 'boolean', description: 'Print JSON' },
    ts: { type: 'boolean', description: 'Print TypeScript' },
    store: {
      type: 'string',
      valueName: 'URL',
      description: 'Which store gets the archive: local (default), local:ROOT',
    },
    ...REGISTRY_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    ['dockertools prefetch nixos/nix 2.2.1', 'What to write into a Nix file'],
    ['dockertools prefetch --image-name redis --image-tag 7 --json --quiet', 'The same for programs'],
  ],
  run: runPrefetch,
}

async function runPrefetch(input: CommandInput): Promise<void> {
  if (switchOption(input, 'json') && switchOption(input, 'ts')) {
    throw new DockerToolsError('USAGE', 'Cannot use "--json" with "--ts": one of them says what is printed')
  }
  const image = await prefetchImage(readRequest(input), registryOptions(input))
  if (!switchOption(input, 'quiet')) process.stderr.write(describe(image))
  const names = ['imageName', 'imageDigest', 'hash', 'finalImageName', 'finalImageTag'] as const
  const members = names.map((name) => [name, image[name]] as const)
  printOut(
    switchOption(input, 'json')
      ? `${JSON.stringify(Object.fromEntries(members), undefined, 2)}\n`
      : switchOption(input, 'ts')
        ? `pullImage({\n${members.map(([name, value]) => `  ${name}: ${typeScriptString(value)},\n`).join('')}})\n`
        : `{\n${members.map(([name, value]) => `  ${name} = ${nixString(value)};\n`).join('')}}\n`,
  )
}

function readRequest(input: CommandInput): Parameters<typeof prefetchImage>[0] {
  const [first, second] = input.positionals
  const given = textOption(input, 'image-name') ?? first
  if (given === undefined) {
    throw new DockerToolsError('USAGE', 'Cannot run prefetch: it should be told which image', {
      hint: 'For example: dockertools prefetch nixos/nix 2.2.1',
    })
  }
  const more = textOption(input, 'image-name') === undefined ? second : (first ?? second)
  const isDigest = more?.includes('sha256') === true
  // Upstream takes no tag and digest in the name; there is only one thing they can mean.
  const named = parseReference(given)
  const tag = textOption(input, 'image-tag') ?? (isDigest ? undefined : more) ?? named.tag ?? 'latest'
  const imageName = given
    .replace(/^docker:\/\//, '')
    .replace(/@.*$/, '')
    .replace(/:[^/:]*$/, '')
  return {
    imageName,
    imageTag: tag,
    imageDigest: textOption(input, 'image-digest') ?? (isDigest ? more : undefined) ?? named.digest,
    finalImageName: textOption(input, 'final-image-name') ?? imageName,
    finalImageTag: textOption(input, 'final-image-tag') ?? tag,
    platform: {
      os: textOption(input, 'os') ?? 'linux',
      architecture: textOption(input, 'arch') ?? 'amd64',
      variant: undefined,
    },
    algorithm: hashAlgorithm(),
    store: textOption(input, 'store') ?? defaultTarget(),
  }
}

/** As upstream, which hands it to `nix-hash`. */
function hashAlgorithm(): HashAlgorithm {
  const name = process.env['NIX_HASH_ALGO'] ?? ''
  if (name === '') return 'sha256'
  const found = ALGORITHMS.find((algorithm) => algorithm === name)
  if (found !== undefined) return found
  throw new DockerToolsError('USAGE', `Cannot use NIX_HASH_ALGO "${name}": it should be ${ALGORITHMS.join(', ')}`)
}

function describe(image: PrefetchedImage): string {
  return [
    `-> ImageName: ${image.imageName}`,
    `-> ImageDigest: ${image.imageDigest}`,
    `-> FinalImageName: ${image.finalImageName}`,
    `-> FinalImageTag: ${image.finalImageTag}`,
    `-> ImagePath: ${image.realPath}`,
    `-> ImageHash: ${image.hash}`,
    '',
  ].join('\n')
}

function nixString(text: string): string {
  return `"${text.replaceAll(/["\\]|\$\{/g, (found) => `\\${found}`)}"`
}

function typeScriptString(text: string): string {
  return `'${JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(String.raw`\"`, '"')
    .replaceAll("'", String.raw`\'`)}'`
}
