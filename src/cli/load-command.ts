import { loadImage } from '#docker-tools'
import { ENGINE_NAMES, parseEngineName } from '#engine'
import { type Command, type CommandInput, textOption } from './command.ts'
import { MAKE_OPTIONS, makeOptions, OUTPUT_OPTIONS, STORE_OPTIONS, storeOptions } from './common-options.ts'
import { IMAGE_OPTIONS, imageOptions } from './image-options.ts'
import { loadImageSource } from './load-image-source.ts'
import { reporterOf } from './session.ts'
import { printOut } from './print-out.ts'

export const loadCommand: Command = {
  name: 'load',
  usage: 'DEF[#name] | ARCHIVE [--engine docker|podman|containerd]',
  summary: 'Load an image into Docker, podman or containerd',
  description:
    'Streams the image that DEF describes, or every image of ARCHIVE, into a container engine, and prints what the\n' +
    'engine calls it. ARCHIVE is a docker-archive, an OCI archive, the folder of an OCI layout, or a store path.\n' +
    'DOCKER_HOST, CONTAINER_HOST and Docker’s contexts say where the engine is; else the usual sockets are tried.',
  positionals: [1, 1],
  options: {
    engine: {
      type: 'string',
      valueName: ENGINE_NAMES.join('|'),
      description: 'Which engine; default: the first of Docker and podman that answers',
    },
    ...IMAGE_OPTIONS,
    ...STORE_OPTIONS,
    ...MAKE_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    ['dockertools load image.json', 'Into Docker or podman, whichever runs'],
    ['dockertools load image.tar.zst --engine podman', 'An archive that podman would not take itself'],
    ['dockertools load image.json --engine containerd', 'By ctr images import'],
  ],
  run: runLoad,
}

async function runLoad(input: CommandInput): Promise<void> {
  const [argument = ''] = input.positionals
  const engine = textOption(input, 'engine')
  const common = { ...storeOptions(input), ...makeOptions(input), ...imageOptions(input), onEvent: reporterOf(input) }
  const wanted = engine === undefined ? {} : { engine: parseEngineName(engine) }
  const { image, baseDirectory } = await loadImageSource(argument)
  const { images } = await loadImage(image, { ...common, ...wanted, baseDirectory })
  printOut(images.map((name) => `${name}\n`).join(''))
}
