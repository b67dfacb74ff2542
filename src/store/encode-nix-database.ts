import { DockerToolsError } from '#errors'
import { formatHash } from './hash.ts'
import {
  encodeFirstPage,
  NIX_DATABASE_MIN_PAGES,
  NIX_DATABASE_ROOTS,
  type NixDatabaseTree,
} from './nix-database-schema.ts'
import type { MeasuredNode } from './reference-graph.ts'
import { SqlitePages } from './sqlite-pages.ts'
import { type SqliteRow, writeTree } from './sqlite-tree.ts'
import type { StorePath } from './store-path.ts'

/** A row of `Refs`. */
interface Reference {
  readonly id: number
  readonly referrer: number
  readonly reference: number
}

/**
 * Nix's database of a closure, as `nix-store --load-db` of Nix 2.26 leaves it
 * when it is given hashes, sizes and references: paths are numbered in their
 * order, and nothing is said of derivers and signatures.
 *
 * The file is laid out here and not by an SQLite, so that its bytes follow from
 * the closure alone. As long as each table fits on a page, which some twenty
 * paths do, they are the bytes that SQLite 3.46.1 writes.
 *
 * @param nodes The whole closure, each path once, sorted by path.
 * @param registeredSeconds When every path was registered.
 * @throws {DockerToolsError} `STORE_PATH_MISSING` for a reference that is not in it; `LIMIT_EXCEEDED` beyond 1 GiB.
 * @see https://www.sqlite.org/fileformat2.html
 */
export function encodeNixDatabase(nodes: readonly MeasuredNode[], registeredSeconds: number): Uint8Array {
  const references = numberReferences(nodes)
  const byReference = references.toSorted((a, b) => a.reference - b.reference || a.id - b.id)
  const pages = new SqlitePages(NIX_DATABASE_MIN_PAGES)
  const table = (name: NixDatabaseTree, rows: Iterable<SqliteRow>): void =>
    writeTree(pages, NIX_DATABASE_ROOTS[name], 'table', rows)
  const index = (name: NixDatabaseTree, rows: Iterable<SqliteRow>): void =>
    writeTree(pages, NIX_DATABASE_ROOTS[name], 'index', rows)

  table('ValidPaths', validPathRows(nodes, registeredSeconds))
  index('sqlite_autoindex_ValidPaths_1', pathEntries(nodes))
  table('sqlite_sequence', nodes.length === 0 ? [] : [{ rowId: 1, values: ['ValidPaths', nodes.length] }])
  table('Refs', referenceRows(references))
  index('sqlite_autoindex_Refs_1', referenceEntries(references, ['referrer', 'reference', 'id']))
  index('IndexReferrer', referenceEntries(references, ['referrer', 'id']))
  index('IndexReference', referenceEntries(byReference, ['reference', 'id']))
  table('DerivationOutputs', [])
  index('sqlite_autoindex_DerivationOutputs_1', [])
  index('IndexDerivationOutputs', [])
  table('SchemaMigrations', [])
  index('sqlite_autoindex_SchemaMigrations_1', [])
  pages.set(1, encodeFirstPage(pages.count))
  return pages.bytes()
}

function numberReferences(nodes: readonly MeasuredNode[]): Reference[] {
  const ids = new Map<StorePath, number>(nodes.map(({ path }, index) => [path, index + 1]))
  const found: Reference[] = []
  for (const [index, { path, references }] of nodes.entries()) {
    const numbers = new Set(references.map((reference) => ids.get(reference) ?? missing(path, reference)))
    for (const reference of [...numbers].toSorted((a, b) => a - b)) {
      found.push({ id: found.length + 1, referrer: index + 1, reference })
    }
  }
  return found
}

function* validPathRows(nodes: readonly MeasuredNode[], registeredSeconds: number): Generator<SqliteRow> {
  for (const [index, { path, narHash, narSize }] of nodes.entries()) {
    const hash = `sha256:${formatHash(narHash, 'hex')}`
    // The number of the row is `id`. A size that nobody knows is none, as in Nix.
    const size = narSize === 0 ? null : narSize
    yield { rowId: index + 1, values: [null, path, hash, registeredSeconds, null, size, null, null, null] }
  }
}

function* pathEntries(nodes: readonly MeasuredNode[]): Generator<SqliteRow> {
  for (const [index, { path }] of nodes.entries()) yield { values: [path, index + 1] }
}

function* referenceRows(references: readonly Reference[]): Generator<SqliteRow> {
  for (const { id, referrer, reference } of references) yield { rowId: id, values: [referrer, reference] }
}

function* referenceEntries(
  references: readonly Reference[],
  columns: readonly (keyof Reference)[],
): Generator<SqliteRow> {
  for (const row of references) yield { values: columns.map((column) => row[column]), order: row.id }
}

function missing(path: StorePath, reference: StorePath): never {
  throw new DockerToolsError(
    'STORE_PATH_MISSING',
    `Cannot write the Nix database: "${path}" refers to "${reference}", which is not in the closure`,
  )
}
