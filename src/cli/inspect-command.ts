import { stat } from 'node:fs/promises'
import {
  type ImageReport,
  inspectImages,
  inspectRemoteImage,
  type LayerReport,
  type RemoteImageReport,
} from '#docker-tools'
import { type Command, type CommandInput, switchOption } from './command.ts'
import { OUTPUT_OPTIONS } from './common-options.ts'
import { encodeDefinition } from './encode-definition.ts'
import { IMAGE_OPTIONS, imageOptions } from './image-options.ts'
import { printable } from './printable.ts'
import { REGISTRY_OPTIONS, registryOptions } from './registry-options.ts'
import { printOut } from './print-out.ts'

export const inspectCommand: Command = {
  name: 'inspect',
  usage: 'ARCHIVE|REF [--json]',
  summary: 'Tell what the images of an archive, or of a registry, are made of',
  description:
    'Prints names, platform, configuration and layers: their sizes, what made them, which store paths\n' +
    'they hold, and how many bytes layers above them hide. Every layer is read and checked.\n' +
    'ARCHIVE is a docker-archive, an OCI archive, or the folder of an OCI layout.\n' +
    'Where there is no such file, REF is an image in a registry; then its layers are not fetched.',
  positionals: [1, 1],
  options: {
    json: { type: 'boolean', description: 'Print a JSON list of images' },
    ...IMAGE_OPTIONS,
    ...REGISTRY_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    ['dockertools inspect image.tar.gz --json', 'Everything there is to know, for programs'],
    ['dockertools inspect quay.io/team/app:1.2', 'An image in a registry'],
  ],
  run: runInspect,
}

async function runInspect(input: CommandInput): Promise<void> {
  const [archive = ''] = input.positionals
  if (!(await isThere(archive)) && looksLikeReference(archive)) {
    await inspectReference(archive, input)
    return
  }
  const images = await inspectImages(archive, imageOptions(input))
  printOut(
    switchOption(input, 'json') ? `${encodeDefinition(images)}\n` : printable(images.map(describeImage).join('\n')),
  )
}

async function inspectReference(text: string, input: CommandInput): Promise<void> {
  const { platform } = imageOptions(input)
  const image = await inspectRemoteImage(text, {
    ...registryOptions(input),
    ...(platform === undefined ? {} : { platform }),
  })
  printOut(switchOption(input, 'json') ? `${encodeDefinition([image])}\n` : printable(describeRemoteImage(image)))
}

function describeRemoteImage(image: RemoteImageReport): string {
  const facts = [
    ['digest', image.digest],
    ['image ID', image.imageId],
    ['platform', image.platform],
    ...(image.platforms.length > 1 ? [['also for', image.platforms.join(', ')]] : []),
    ['created', image.created ?? 'not said'],
    ['size', `${size(image.storedBytes)} stored`],
    ['config', encodeDefinition(image.config)],
  ]
  const layers = image.layers.map(({ digest, storedBytes, createdBy }, index) =>
    [
      `    ${index + 1}. ${digest}`,
      `       ${size(storedBytes)} stored`,
      ...(createdBy === null ? [] : [`       ${createdBy.replaceAll(/\s+/g, ' ')}`]),
    ].join('\n'),
  )
  const lines = facts.map(([name = '', value = '']) => `  ${name.padEnd(9)} ${value}`)
  return `${[image.name, ...lines, `  layers    ${image.layers.length}`, ...layers].join('\n')}\n`
}

function describeImage(image: ImageReport): string {
  const title = image.names.length === 0 ? '(no name)' : image.names.join(', ')
  const facts = [
    ['image ID', image.imageId],
    ['platform', image.platform],
    ...(image.platforms.length > 1
      ? [['also for', image.platforms.filter((one) => one !== image.platform).join(', ')]]
      : []),
    ['created', image.created ?? 'not said'],
    ['size', `${size(image.bytes)}, ${size(image.storedBytes)} stored, ${size(image.wastedBytes)} wasted`],
    ['config', encodeDefinition(image.config)],
  ]
  const lines = facts.map(([name = '', value = '']) => `  ${name.padEnd(9)} ${value}`)
  const layers = image.layers.map((layer, index) => describeLayer(layer, index + 1))
  return `${[title, ...lines, `  layers    ${image.layers.length}`, ...layers].join('\n')}\n`
}

function describeLayer(layer: LayerReport, number: number): string {
  const stored = layer.compression === 'none' ? '' : `, ${size(layer.storedBytes)} as ${layer.compression}`
  const wasted = layer.wastedBytes === 0 ? '' : `, ${size(layer.wastedBytes)} wasted`
  const notes = [layer.createdBy, layer.comment]
    .filter((text) => text !== null)
    .map((text) => text.replaceAll(/\s+/g, ' '))
  return [
    `    ${number}. ${layer.diffId}`,
    `       ${size(layer.bytes)}, ${layer.files} files${stored}${wasted}`,
    ...notes.map((text) => `       ${text}`),
    ...layer.storePaths.map((path) => `       ${path}`),
  ].join('\n')
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

function size(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit] ?? ''}`
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

/** A name with a tag or digest, a registry, or nothing that a path has: not a file that was mistyped. */
function looksLikeReference(text: string): boolean {
  return !/^[./]|\.(?:tar|tgz|gz|zst|xz)$/.test(text)
}
