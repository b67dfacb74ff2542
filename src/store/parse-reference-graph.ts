import { DockerToolsError } from '#errors'
import { type Hash, parseHash } from './hash.ts'
import { notInGraph, type ReferenceGraph, type ReferenceNode } from './reference-graph.ts'
import { compareStorePaths, DEFAULT_STORE_DIR, parseStorePath, type StorePath } from './store-path.ts'

type JsonObject = Readonly<Record<string, unknown>>

/**
 * Reads a reference graph: the list that Nix's `exportReferencesGraph` gives
 * (structured attributes), any list of `{path, references, narSize?}`, or an
 * object that holds exactly one such list, as a whole `.attrs.json` does.
 *
 * @throws {DockerToolsError} `FORMAT_INVALID`, `STORE_PATH_INVALID`, and
 *   `STORE_PATH_MISSING` for a reference to a path that is not in the graph.
 */
export function parseReferenceGraph(json: string, storeDir: string = DEFAULT_STORE_DIR): ReferenceGraph {
  const nodes = new Map<StorePath, ReferenceNode>()
  for (const item of findList(parseJson(json))) {
    const node = parseNode(item, storeDir)
    if (nodes.has(node.path)) throw invalid(`"${node.path}" stands in it twice, it should be there once`)
    nodes.set(node.path, node)
  }
  for (const node of nodes.values()) {
    const unknown = node.references.find((reference) => !nodes.has(reference))
    if (unknown !== undefined) throw notInGraph(unknown, node.path)
  }
  return [...nodes.values()].toSorted((a, b) => compareStorePaths(a.path, b.path))
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new DockerToolsError('FORMAT_INVALID', 'Cannot read reference graph: it is no JSON, it should be', {
      cause: error,
    })
  }
}

function findList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (!isObject(value)) throw invalid('it is no list of paths, it should be one')
  const lists = Object.values(value).filter((item) => Array.isArray(item) && isObject(item[0]) && 'path' in item[0])
  if (lists.length !== 1) throw invalid(`it holds ${lists.length} lists of paths, it should be or hold one`)
  return lists[0] as readonly unknown[]
}

function parseNode(item: unknown, storeDir: string): ReferenceNode {
  if (!isObject(item) || typeof item['path'] !== 'string') {
    throw invalid('an item has no text "path", every item should')
  }
  const path = parseStorePath(item['path'], storeDir)
  const narHash = parseNarHash(item, path)
  const closureSize = parseSize(item, 'closureSize', path)
  return {
    path,
    references: parseReferences(item['references'], path, storeDir),
    narSize: parseSize(item, 'narSize', path) ?? 0,
    ...(narHash === undefined ? {} : { narHash }),
    ...(closureSize === undefined ? {} : { closureSize }),
  }
}

function parseReferences(value: unknown, path: StorePath, storeDir: string): readonly StorePath[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw invalid(`"references" of "${path}" should be a list of texts`)
  }
  return [...new Set(value.map((item) => parseStorePath(item, storeDir)))].toSorted(compareStorePaths)
}

function parseNarHash(item: JsonObject, path: StorePath): Hash | undefined {
  const value = item['narHash']
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw invalid(`"narHash" of "${path}" should be a text`)
  return parseHash(value, 'sha256')
}

function parseSize(item: JsonObject, key: 'narSize' | 'closureSize', path: StorePath): number | undefined {
  const value = item[key]
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw invalid(`"${key}" of "${path}" should be a whole number from 0 to 2^53`)
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(fault: string): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot read reference graph: ${fault}`)
}
