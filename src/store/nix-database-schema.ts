import { NIX_SCHEMA } from './local-schema.ts'
import { encodePage, SQLITE_PAGE_BYTES } from './sqlite-pages.ts'
import { encodeRecord, encodeVarint } from './sqlite-record.ts'

/** The pages where tables and indexes begin, in the order Nix makes them. The first page is the list of them. */
export const NIX_DATABASE_ROOTS = {
  ValidPaths: 2,
  sqlite_autoindex_ValidPaths_1: 3,
  sqlite_sequence: 4,
  Refs: 5,
  sqlite_autoindex_Refs_1: 6,
  IndexReferrer: 7,
  IndexReference: 8,
  DerivationOutputs: 9,
  sqlite_autoindex_DerivationOutputs_1: 10,
  IndexDerivationOutputs: 11,
  SchemaMigrations: 12,
  sqlite_autoindex_SchemaMigrations_1: 13,
} as const

/** Name of a table or an index. */
export type NixDatabaseTree = keyof typeof NIX_DATABASE_ROOTS

/** Pages of a database in which nothing is registered. */
export const NIX_DATABASE_MIN_PAGES = 13

/** Bytes of the file's header, before that of its first page. */
const FILE_HEADER_BYTES = 100

/** SQLite puts an empty row of this size at the end of the first page, and frees it again. */
const FREED_BYTES = 8

/** How often SQLite has changed the list of tables by the time all are there. */
const SCHEMA_CHANGES = 8

/** 3.46.1. Whoever opens the database sees the version that wrote it last, and none refuses another. */
const SQLITE_VERSION = 3_046_001

/** The tables of newer Nix have a comment more, and one table, which older ones take as it is. */
const STATEMENTS: readonly string[] = [
  ...NIX_SCHEMA.replace(/^( +hash +text not null,)$/m, '$1 -- base16 representation')
    .split(/;\n(?=CREATE |$)/)
    .slice(0, -1),
  'CREATE TABLE SchemaMigrations (migration text primary key not null)',
  'CREATE TABLE sqlite_sequence(name,seq)',
]

/** An entry in the list of tables. */
interface SchemaRow {
  readonly type: 'table' | 'index' | 'trigger'
  readonly name: string
  readonly table: string
  /** When it was written: what a table needs comes before the table. */
  readonly order: number
}

const SCHEMA: readonly SchemaRow[] = [
  { type: 'table', name: 'ValidPaths', table: 'ValidPaths', order: 1 },
  { type: 'index', name: 'sqlite_autoindex_ValidPaths_1', table: 'ValidPaths', order: 0 },
  { type: 'table', name: 'sqlite_sequence', table: 'sqlite_sequence', order: 2 },
  { type: 'table', name: 'Refs', table: 'Refs', order: 4 },
  { type: 'index', name: 'sqlite_autoindex_Refs_1', table: 'Refs', order: 3 },
  { type: 'index', name: 'IndexReferrer', table: 'Refs', order: 5 },
  { type: 'index', name: 'IndexReference', table: 'Refs', order: 6 },
  { type: 'trigger', name: 'DeleteSelfRefs', table: 'ValidPaths', order: 7 },
  { type: 'table', name: 'DerivationOutputs', table: 'DerivationOutputs', order: 9 },
  { type: 'index', name: 'sqlite_autoindex_DerivationOutputs_1', table: 'DerivationOutputs', order: 8 },
  { type: 'index', name: 'IndexDerivationOutputs', table: 'DerivationOutputs', order: 10 },
  { type: 'table', name: 'SchemaMigrations', table: 'SchemaMigrations', order: 12 },
  { type: 'index', name: 'sqlite_autoindex_SchemaMigrations_1', table: 'SchemaMigrations', order: 11 },
]

/**
 * The first page of the database: what kind of file it is, and what tables are in it.
 *
 * @see https://www.sqlite.org/fileformat2.html#the_database_header
 */
export function encodeFirstPage(pageCount: number): Uint8Array {
  const cells = SCHEMA.map(({ type, name, table, order }, index) => {
    const root = type === 'trigger' ? 0 : NIX_DATABASE_ROOTS[name as NixDatabaseTree]
    const record = encodeRecord([type, name, table, root, statementOf(name)])
    return { body: Buffer.concat([encodeVarint(record.length), encodeVarint(index + 1), record]), order }
  })
  const page = Buffer.from(encodePage({ type: 0x0d, cells }, FILE_HEADER_BYTES, SQLITE_PAGE_BYTES - FREED_BYTES))
  page.write('SQLite format 3\0', 'latin1')
  page.writeUInt16BE(SQLITE_PAGE_BYTES, 16)
  // Write-ahead logging, as Nix sets it, to read and to write.
  page.set([2, 2], 18)
  // What SQLite fixes: how much of a page an entry may take.
  page.set([64, 32, 32], 21)
  const changes = 2
  page.writeUInt32BE(changes, 24)
  page.writeUInt32BE(pageCount, 28)
  page.writeUInt32BE(SCHEMA_CHANGES, 40)
  // The schema's format with all kinds of values, and texts in UTF-8.
  page.writeUInt32BE(4, 44)
  page.writeUInt32BE(1, 56)
  page.writeUInt32BE(changes, 92)
  page.writeUInt32BE(SQLITE_VERSION, 96)
  return page
}

/** The text that made it. What SQLite has made by itself, for a key, has none. */
function statementOf(name: string): string | null {
  return STATEMENTS.find((statement) => new RegExp(`^CREATE [A-Z]+ ${name}\\b`).test(statement)) ?? null
}
