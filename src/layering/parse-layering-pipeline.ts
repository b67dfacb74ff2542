import { DockerToolsError } from '#errors'
import { nearestName } from '#util'

import type { LayeringPipeline, LayeringStage, SplitPathSpec } from './layering-pipeline.ts'

/** Deeper pipelines are refused: nobody writes them, and reading or running them would take stack by their depth. */
const MAX_STAGE_DEPTH = 64

/**
 * Reads a pipeline from a value as JSON gives it, and checks all of it before anything runs.
 *
 * @param value A list of stages, each a list of a name and its arguments.
 * @throws {DockerToolsError} `DEFINITION_INVALID` if something in it is wrong. The
 *   message says where: `layeringPipeline[2][1]`.
 */
export function parseLayeringPipeline(value: unknown): LayeringPipeline {
  return parseStages(value, 'layeringPipeline', 0)
}

/** Reads the arguments of a stage; `where` is the stage itself. */
type ParseArguments = (args: readonly unknown[], where: string, depth: number) => LayeringStage

interface StageSyntax {
  readonly argumentCount: number
  readonly parse: ParseArguments
}

const STAGES: ReadonlyMap<string, StageSyntax> = new Map<LayeringStage[0], StageSyntax>([
  ['popularity_contest', { argumentCount: 0, parse: () => ['popularity_contest'] }],
  ['reverse', { argumentCount: 0, parse: () => ['reverse'] }],
  ['flatten', { argumentCount: 0, parse: () => ['flatten'] }],
  ['split_every', { argumentCount: 1, parse: ([count], at) => ['split_every', parseCount(count, `${at}[1]`)] }],
  ['limit_layers', { argumentCount: 1, parse: ([count], at) => ['limit_layers', parseCount(count, `${at}[1]`)] }],
  ['remove_paths', { argumentCount: 1, parse: ([paths], at) => ['remove_paths', parsePathOrPaths(paths, `${at}[1]`)] }],
  [
    'over',
    {
      argumentCount: 2,
      parse: ([part, stage], at, depth) => [
        'over',
        parseText(part, `${at}[1]`, 'the name of a part'),
        parseStage(stage, `${at}[2]`, depth + 1),
      ],
    },
  ],
  ['pipe', { argumentCount: 1, parse: ([stages], at, depth) => ['pipe', parseStages(stages, `${at}[1]`, depth + 1)] }],
  ['map', { argumentCount: 1, parse: ([stage], at, depth) => ['map', parseStage(stage, `${at}[1]`, depth + 1)] }],
  [
    'subcomponent_out',
    { argumentCount: 1, parse: ([paths], at) => ['subcomponent_out', parsePaths(paths, `${at}[1]`)] },
  ],
  ['subcomponent_in', { argumentCount: 1, parse: ([paths], at) => ['subcomponent_in', parsePaths(paths, `${at}[1]`)] }],
  ['split_paths', { argumentCount: 1, parse: ([specs], at) => ['split_paths', parseSpecs(specs, `${at}[1]`)] }],
])

function parseStages(value: unknown, where: string, depth: number): LayeringPipeline {
  if (depth > MAX_STAGE_DEPTH) {
    throw invalid(where, `is nested ${depth} stages deep`, `${MAX_STAGE_DEPTH} at most`)
  }
  if (!Array.isArray(value)) throw invalid(where, `is ${describe(value)}`, 'a list of stages')
  return value.map((stage, index) => parseStage(stage, `${where}[${index}]`, depth))
}

function parseStage(value: unknown, where: string, depth: number): LayeringStage {
  if (depth > MAX_STAGE_DEPTH) {
    throw invalid(where, `is nested ${depth} stages deep`, `${MAX_STAGE_DEPTH} at most`)
  }
  if (!Array.isArray(value) || value.length === 0) {
    throw invalid(where, `is ${describe(value)}`, 'a list of the name of a stage and its arguments')
  }
  const [name, ...args]: readonly unknown[] = value
  const stageName = parseText(name, `${where}[0]`, 'the name of a stage')
  const syntax = STAGES.get(stageName)
  if (syntax === undefined) throw unknownStage(stageName, where)
  if (args.length !== syntax.argumentCount) {
    throw invalid(
      `${where} "${stageName}"`,
      `has ${countOf(args.length, 'argument')}`,
      syntax.argumentCount === 0 ? 'without any' : String(syntax.argumentCount),
    )
  }
  return syntax.parse(args, where, depth)
}

function parseCount(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  throw invalid(where, `is ${describe(value)}`, 'a whole number of at least 1')
}

function parseText(value: unknown, where: string, meaning: string): string {
  if (typeof value === 'string') return value
  throw invalid(where, `is ${describe(value)}`, meaning)
}

function parsePaths(value: unknown, where: string): string[] {
  if (!Array.isArray(value)) throw invalid(where, `is ${describe(value)}`, 'a list of paths')
  return value.map((path, index) => parseText(path, `${where}[${index}]`, 'a path'))
}

function parsePathOrPaths(value: unknown, where: string): string | string[] {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return parsePaths(value, where)
  throw invalid(where, `is ${describe(value)}`, 'a path or a list of paths')
}

function parseSpecs(value: unknown, where: string): SplitPathSpec[] {
  if (!Array.isArray(value)) throw invalid(where, `is ${describe(value)}`, 'a list of paths and {"children_of": …}')
  return value.map((spec, index) => parseSpec(spec, `${where}[${index}]`))
}

function parseSpec(value: unknown, where: string): SplitPathSpec {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(where, `is ${describe(value)}`, 'a path or {"children_of": …}')
  }
  const wrongKey = Object.keys(value).find((key) => key !== 'children_of')
  if (wrongKey !== undefined)
    throw invalid(where, `has the key "${wrongKey}"`, 'an object with the key "children_of" only')
  if (!('children_of' in value)) throw invalid(where, 'has no key', 'an object with the key "children_of"')
  return { children_of: parsePathOrPaths(value.children_of, `${where}.children_of`) }
}

function unknownStage(name: string, where: string): DockerToolsError {
  const nearest = nearestName(name, [...STAGES.keys()])
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot read layering pipeline: ${where} names the stage ${describe(name)}, which is not known`,
    { hint: nearest === undefined ? `Known stages: ${[...STAGES.keys()].join(', ')}` : `Did you mean "${nearest}"?` },
  )
}

function invalid(where: string, found: string, wanted: string): DockerToolsError {
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot read layering pipeline: ${where} ${found}, it should be ${wanted}`,
  )
}

/** A short text for a value of any kind and size. */
function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return `"${value}"`
  return `a ${typeof value}`
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
