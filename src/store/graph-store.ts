import { open } from 'node:fs/promises'
import { DockerToolsError } from '#errors'
import type { TreeEntry } from '#tree'
import { diskEntries, isOnDisk } from './disk-entries.ts'
import { LookupCache } from './lookup-cache.ts'
import { measureNar } from './measure-nar.ts'
import { parseReferenceGraph } from './parse-reference-graph.ts'
import type { PathInfo } from './path-info.ts'
import { pathMissing } from './path-missing.ts'
import type { ReferenceNode } from './reference-graph.ts'
import type { Store } from './store.ts'
import { storePathHash, type StorePath } from './store-path.ts'

/** A hundred thousand paths take about 60 MB. */
const MAX_GRAPH_BYTES = 512 * 1024 * 1024

/**
 * A reference graph in a file, as `exportReferencesGraph` makes it: for use
 * within a Nix build, where no database is. The content is on disk at the
 * paths themselves, and as trustworthy as the build's own inputs.
 */
export class GraphStore implements Store {
  readonly dir: string
  readonly uri: string
  readonly #nodes: ReadonlyMap<StorePath, ReferenceNode>
  readonly #byHashPart: ReadonlyMap<string, StorePath>
  readonly #infos: LookupCache<ReferenceNode, PathInfo>

  private constructor(file: string, dir: string, nodes: readonly ReferenceNode[]) {
    this.dir = dir
    this.uri = `graph:${file}`
    this.#nodes = new Map(nodes.map((node) => [node.path, node]))
    this.#byHashPart = new Map(nodes.map((node) => [storePathHash(node.path), node.path]))
    this.#infos = new LookupCache((node) => this.#complete(node))
  }

  /** @throws {DockerToolsError} `STORE_UNAVAILABLE` if the file cannot be read; as `parseReferenceGraph`. */
  static async open(file: string, dir: string): Promise<GraphStore> {
    return new GraphStore(file, dir, parseReferenceGraph(await readGraphFile(file), dir))
  }

  async pathInfo(path: StorePath): Promise<PathInfo> {
    const node = this.#nodes.get(path)
    if (node === undefined) throw pathMissing(path, this.uri)
    return this.#infos.get(node)
  }

  async has(path: StorePath): Promise<boolean> {
    return this.#nodes.has(path)
  }

  async findByHashPart(hashPart: string): Promise<StorePath | undefined> {
    return this.#byHashPart.get(hashPart)
  }

  async *entries(path: StorePath): AsyncGenerator<TreeEntry> {
    if (!this.#nodes.has(path)) throw pathMissing(path, this.uri)
    yield* diskEntries(path, this.uri)
  }

  async realPath(path: StorePath): Promise<string | undefined> {
    if (!this.#nodes.has(path)) throw pathMissing(path, this.uri)
    return (await isOnDisk(path)) ? path : undefined
  }

  /** A plain list need not have hashes; they are taken from the content then. */
  async #complete({ path, references, narHash, narSize }: ReferenceNode): Promise<PathInfo> {
    const measure = narHash === undefined ? await measureNar(diskEntries(path, this.uri)) : { narHash, narSize }
    return { path, references, signatures: [], ...measure }
  }
}

async function readGraphFile(file: string): Promise<string> {
  try {
    await using handle = await open(file)
    const { size } = await handle.stat()
    if (size <= MAX_GRAPH_BYTES) return await handle.readFile('utf8')
  } catch (error) {
    throw new DockerToolsError('STORE_UNAVAILABLE', `Cannot read reference graph "${file}"`, { cause: error })
  }
  throw new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot read reference graph "${file}": it is larger than the limit of ${MAX_GRAPH_BYTES} bytes`,
  )
}
