import { createReadStream, lstatSync } from 'node:fs'
import type { Realisable } from '#derivation'
import {
  type Buildable,
  type BuildOptions,
  isExportRecipe,
  isMultiPlatformImage,
  isRecipe,
  realise,
} from '#docker-tools'
import { DockerToolsError } from '#errors'
import { buildFormat, chooseFormat, FORMAT_OPTION, isArchive } from './build-formats.ts'
import { type Command, type CommandInput, switchOption, textOption } from './command.ts'
import { OUTPUT_OPTIONS, MAKE_OPTIONS, makeOptions, STORE_OPTIONS, storeOptions } from './common-options.ts'
import { loadBuildable } from './load-definition.ts'
import { openOutputFile } from './output-file.ts'
import { outputOption } from './output-option.ts'
import { reporterOf } from './session.ts'
import { streamScript } from './stream-script.ts'
import { printOut } from './print-out.ts'

/** What the link to a result is called, as nix-build calls it. */
const DEFAULT_LINK = 'result'

export const buildCommand: Command = {
  name: 'build',
  usage: 'DEF[#name] [-o FILE [--format docker-archive|oci-archive|oci]] [--rebuild]',
  summary: 'Make what a definition describes, and print where it is',
  description:
    'Makes what DEF describes in the local store, unless it is there, and prints the path of the result.\n' +
    'The symlink "result" leads to it, and keeps it from being collected as garbage as long as it is there.\n' +
    'With -o, an image is written to FILE instead, which appears only once it is whole.\n' +
    'A definition of streamLayeredImage gives a program that streams the image, unless --format asks for an archive.\n' +
    'With --format oci, FILE is a new folder.',
  positionals: [1, 1],
  options: {
    output: {
      type: 'string',
      short: 'o',
      valueName: 'FILE',
      description: 'A file for the result, in place of the store',
    },
    format: FORMAT_OPTION,
    'out-link': { type: 'string', valueName: 'LINK', description: 'The symlink to the result; default result' },
    'no-out-link': { type: 'boolean', description: 'Make no symlink to the result' },
    rebuild: { type: 'boolean', description: 'Build it again and compare; status 1 where it is another' },
    ...STORE_OPTIONS,
    ...MAKE_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    ['dockertools build image.json && docker load < result', 'Build an archive and load it'],
    ['dockertools build image.json -o image.tar.gz', 'Build an archive as a regular file'],
    ['dockertools build image.ts#web && ./result | docker load', 'Build a program that streams'],
    ['dockertools build image.json --format oci -o layout', 'Build an OCI layout'],
  ],
  run: runBuild,
}

async function runBuild(input: CommandInput): Promise<void> {
  refuseContradictions(input)
  const [argument = ''] = input.positionals
  const { recipe, baseDirectory } = await loadBuildable(argument)
  const options = {
    ...storeOptions(input),
    ...makeOptions(input),
    baseDirectory,
    onEvent: reporterOf(input),
  }
  const output = outputOption(input)
  if (output === undefined) {
    if (isMultiPlatformImage(recipe)) {
      throw new DockerToolsError(
        'USAGE',
        'Cannot build an image for several platforms into the store: it has no form there, it should go to a file',
        { hint: 'Give the file that it is to be with -o FILE' },
      )
    }
    const link = switchOption(input, 'no-out-link') ? undefined : (textOption(input, 'out-link') ?? DEFAULT_LINK)
    const { path } = await realise(recipe, {
      ...options,
      rebuild: switchOption(input, 'rebuild'),
      ...(link === undefined ? {} : { outLink: link }),
    })
    printOut(`${path}\n`)
    return
  }
  await buildFile(recipe, output.path, input, options)
  output.printName()
}

/** An option that would be ignored is refused. */
function refuseContradictions(input: CommandInput): void {
  const hasOutput = textOption(input, 'output') !== undefined
  if (!hasOutput && textOption(input, 'format') !== undefined) throw misused('format', 'without "-o": it is for files')
  const inStore = ['out-link', 'no-out-link', 'rebuild'].find((option) => input.values[option] !== undefined)
  if (hasOutput && inStore !== undefined) throw misused(inStore, 'with "-o": it is for results in the store')
  if (switchOption(input, 'no-out-link') && textOption(input, 'out-link') !== undefined) {
    throw misused('out-link', 'with "--no-out-link": they exclude each other')
  }
}

function misused(option: string, reason: string): DockerToolsError {
  return new DockerToolsError('USAGE', `Cannot use "--${option}" ${reason}`, { hint: 'Run dockertools build --help' })
}

async function buildFile(recipe: Buildable, output: string, input: CommandInput, options: BuildOptions): Promise<void> {
  const format = chooseFormat(textOption(input, 'format'), recipe)
  if (isMultiPlatformImage(recipe)) await buildFormat(recipe, format ?? 'oci-archive', output, options)
  else if (isExportRecipe(recipe)) await buildFormat(recipe, 'docker-archive', output, options)
  else if (!isRecipe(recipe)) await copyResult(recipe, output, options)
  else if (format !== undefined || isArchive(recipe)) {
    await buildFormat(recipe, format ?? 'docker-archive', output, options)
  } else {
    // Everything is decided as far as it can be without writing an image: what cannot be streamed is told now.
    await recipe.conf(options)
    const script = await streamScript(recipe, input, options)
    await using file = await openOutputFile(output, true)
    await file.write(Buffer.from(script))
    await file.commit()
  }
}

/** A result that is one file can be a file elsewhere too. */
async function copyResult(value: Realisable, output: string, options: BuildOptions): Promise<void> {
  const { path, storePath } = await realise(value, options)
  const stats = lstatSync(path)
  if (!stats.isFile()) {
    throw new DockerToolsError('USAGE', `Cannot write "${storePath}" to "${output}": it is no file, it should be one`, {
      hint: 'Leave out -o: the result is in the store',
    })
  }
  await using file = await openOutputFile(output, (stats.mode & 0o111) !== 0)
  for await (const chunk of createReadStream(path)) await file.write(chunk as Uint8Array)
  await file.commit()
}
