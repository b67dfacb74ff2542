import { DockerToolsError } from '#errors'
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
import { loadDefinition } from './load-definition.ts'
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
  const graph = await tryReadGraph(argument)
  const layers = graph === undefined ? await layersOfDefinition(argument, input) : await layersOfGraph(graph, input)
  printOut(`${JSON.stringify(layers)}\n`)
}

/** Undefined where the argument is a definition: a module, or JSON with a function. */
async function tryReadGraph(argument: string): Promise<ReferenceGraph | undefined> {
  if (argument === '-' || !/\.json$|^[^.#]*$/.test(argument.split('/').at(-1) ?? '')) return undefined
  const text = await readTextFile(argument, argument)
  return /^\s*\{\s*"(?:function|args|\$schema)"/.test(text) ? undefined : parseReferenceGraph(text)
}

async function layersOfDefinition(argument: string, input: CommandInput): Promise<readonly (readonly string[])[]> {
  const wrong = GRAPH_OPTIONS.find((name) => input.values[name] !== undefined)
  if (wrong !== undefined) {
    throw new DockerToolsError(
      'USAGE',
      `Cannot use "--${wrong}" with a definition: its arguments say how it is grouped`,
    )
  }
  const { recipe, baseDirectory } = await loadDefinition(argument)
  return await recipe.layers({
    ...storeOptions(input),
    ...makeOptions(input),
    baseDirectory,
    onEvent: reporterOf(input),
  })
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
