import { type Buildable, isMultiPlatformImage, isRecipe, type Recipe } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { isJsonArray, isJsonObject } from '#image'
import {
  layerAutomatically,
  layerByPipeline,
  layerByPopularity,
  type LayeringPipeline,
  parseLayeringPipeline,
} from '#layering'
import { parseReferenceGraph, type ReferenceGraph } from '#store'
import { type Command, type CommandInput, textOption, textOptions } from './command.ts'
import { OUTPUT_OPTIONS, MAKE_OPTIONS, makeOptions, STORE_OPTIONS, storeOptions } from './common-options.ts'
import { buildableFrom, type DefinitionSource, parseDefinition, readDefinition } from './load-definition.ts'
import { readTextFile } from './read-text.ts'
import { reporterOf } from './session.ts'
import { printOut } from './print-out.ts'

const GRAPH_OPTIONS = ['strategy', 'pipeline', 'max-layers', 'exclude'] as const

/** Upstream's default for `maxLayers`. */
const DEFAULT_MAX_LAYERS = 100

export const layersCommand: Command = {
  name: 'layers',
  usage: 'DEF[#name] | GRAPH.json [--strategy popularity|auto | --pipeline FILE] [--max-layers N] [--exclude PATH]…',
  summary: 'Print how store paths are grouped into layers',
  description:
    'Prints the layer plan alone, as a JSON list of lists of store paths, lowest layer first.\n' +
    'A graph is a JSON list of {path, references, narSize}, or a file that exportReferencesGraph wrote.',
  positionals: [1, 1],
  options: {
    strategy: {
      type: 'string',
      valueName: 'popularity|auto',
      description: 'How a graph is grouped; default popularity',
    },
    pipeline: {
      type: 'string',
      valueName: 'FILE',
      description: 'Group a graph with the layering pipeline in a JSON file',
    },
    'max-layers': { type: 'string', valueName: 'N', description: 'Most layers to make of a graph; default 100' },
    exclude: {
      type: 'string',
      multiple: true,
      valueName: 'PATH',
      description: 'Leave a path of the graph out, repeatable',
    },
    ...STORE_OPTIONS,
    ...MAKE_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    ['dockertools layers image.json', 'The layers of an image'],
    ['dockertools layers graph.json --strategy auto --max-layers 20', 'Of a graph, by size'],
  ],
  run: runLayers,
}

async function runLayers(input: CommandInput): Promise<void> {
  const [argument = ''] = input.positionals
  const source = await readDefinition(argument)
  const layers =
    source.kind === 'text' && isGraph(source.text, source.shown)
      ? await layersOfGraph(parseReferenceGraph(source.text), input)
      : await layersOfDefinition(source, input)
  printOut(`${JSON.stringify(layers)}\n`)
}

/** A graph is a list, or an object that holds one; a definition is an object with a function or images. */
function isGraph(text: string, shown: string): boolean {
  if (/^\s*\[/.test(text)) return true
  const value = parseDefinition(text, shown)
  if (isJsonObject(value)) {
    if (['function', 'args', 'images'].some((name) => value.has(name))) return false
    if ([...value.values()].some(isJsonArray)) return true
  }
  throw new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot plan the layers of ${shown}: it is neither a definition nor a graph, it should be one of them`,
    { hint: 'A definition has "function" and "args"; a graph is a list of {path, references, narSize}' },
  )
}

async function layersOfDefinition(
  source: DefinitionSource,
  input: CommandInput,
): Promise<readonly (readonly string[])[]> {
  const wrong = GRAPH_OPTIONS.find((name) => input.values[name] !== undefined)
  if (wrong !== undefined) {
    throw new DockerToolsError(
      'USAGE',
      `Cannot use "--${wrong}" with a definition: its arguments say how it is grouped`,
    )
  }
  const { recipe, baseDirectory } = await buildableFrom(source)
  const image = plannedImage(recipe, source.shown)
  return await image.layers({
    ...storeOptions(input),
    ...makeOptions(input),
    baseDirectory,
    onEvent: reporterOf(input),
  })
}

/** @throws {DockerToolsError} `DEFINITION_INVALID` for what store paths are not grouped for. */
function plannedImage(recipe: Buildable, shown: string): Recipe {
  const refused = (what: string, hint: string): DockerToolsError =>
    new DockerToolsError('DEFINITION_INVALID', `Cannot plan the layers of ${shown}: ${what}`, { hint })
  if (isMultiPlatformImage(recipe)) {
    throw refused(
      'it is an image for several platforms, it should be for one',
      'Give the definition of one of its images, in a file of its own or as a named export of the module',
    )
  }
  const layered = 'streamLayeredImage, buildLayeredImage and their kin have a plan'
  if (!isRecipe(recipe)) throw refused('it is no image, it should be one', layered)
  switch (recipe.function) {
    case 'buildImage':
    case 'mergeImages':
    case 'pullImage':
      throw refused(`${recipe.function} does not group store paths into layers`, layered)
    default:
      return recipe
  }
}

async function layersOfGraph(graph: ReferenceGraph, input: CommandInput): Promise<string[][]> {
  const excludePaths = textOptions(input, 'exclude')
  const pipelineFile = textOption(input, 'pipeline')
  const strategy = textOption(input, 'strategy')
  const maxLayers = textOption(input, 'max-layers')
  if (pipelineFile !== undefined) {
    if (strategy !== undefined || maxLayers !== undefined) {
      throw new DockerToolsError(
        'USAGE',
        'Cannot use "--pipeline" with "--strategy" or "--max-layers": they exclude each other',
      )
    }
    return layerByPipeline(graph, await readPipeline(pipelineFile), { excludePaths })
  }
  const limit = maxLayers === undefined ? DEFAULT_MAX_LAYERS : parseCount(maxLayers)
  switch (strategy ?? 'popularity') {
    case 'popularity':
      return layerByPopularity(graph, { availableLayers: limit, excludePaths })
    case 'auto':
      return layerAutomatically(graph, { layerLimit: limit, excludePaths })
    default:
      throw new DockerToolsError('USAGE', `Cannot use strategy "${strategy}": it should be "popularity" or "auto"`)
  }
}

async function readPipeline(file: string): Promise<LayeringPipeline> {
  const text = await readTextFile(file, file)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot read layering pipeline "${file}": it should be JSON`, {
      cause: error,
    })
  }
  return parseLayeringPipeline(value)
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new DockerToolsError('USAGE', `Cannot use "${text}" as --max-layers: it should be a whole number above 0`)
}
