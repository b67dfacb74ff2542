import { type Cell, cellBytes, encodePage, pageRoom, SQLITE_PAGE_BYTES, type SqlitePages } from './sqlite-pages.ts'
import { encodeRecord, encodeVarint, type SqliteValue } from './sqlite-record.ts'

/** A row of a table, by its number; an entry of an index. */
export interface SqliteRow {
  readonly values: readonly SqliteValue[]
  /** Only rows of tables have one. */
  readonly rowId?: number
  /** When it was written, if not in the order of its key. */
  readonly order?: number
}

/** What a group of cells that fill a page is followed by, one level up. */
interface Group {
  readonly cells: readonly Cell[]
  /** What is between this page and the next. The last has none. */
  readonly separator?: Cell
}

const TABLE = { leaf: 0x0d, interior: 0x05, maxLocalBytes: SQLITE_PAGE_BYTES - 35 } as const
const INDEX = {
  leaf: 0x0a,
  interior: 0x02,
  maxLocalBytes: Math.floor(((SQLITE_PAGE_BYTES - 12) * 64) / 255) - 23,
} as const
const MIN_LOCAL_BYTES = Math.floor(((SQLITE_PAGE_BYTES - 12) * 32) / 255) - 23

/**
 * Writes a table or an index from rows that come sorted by key: pages are
 * filled one after the other, then the pages that lead to them, up to the root.
 * So the bytes follow from the rows alone, and what fits on one page lies there
 * as SQLite itself would have put it.
 *
 * @param root Its page, which has its place already.
 * @see https://www.sqlite.org/fileformat2.html#b_tree_pages
 */
export function writeTree(pages: SqlitePages, root: number, kind: 'table' | 'index', rows: Iterable<SqliteRow>): void {
  const { leaf, interior } = kind === 'table' ? TABLE : INDEX
  const room = pageRoom(leaf)
  const groups = kind === 'table' ? groupRows(rows, room, pages) : groupEntries(entries(rows, pages), room)
  let level = [...encodeLevel(groups, (cells) => encodePage({ type: leaf, cells }))]
  while (level.length > 1) {
    const children = level.map(({ page, separator }) => ({ child: pages.add(page), separator }))
    const right = children.at(-1)?.child ?? 0
    const cells = children.flatMap(({ child, separator }) => (separator === undefined ? [] : [{ ...separator, child }]))
    level = [
      ...encodeLevel(groupEntries(cells, pageRoom(interior)), (own, separator) =>
        encodePage({ type: interior, cells: own, right: separator?.child ?? right }),
      ),
    ]
  }
  for (const { page } of level) pages.set(root, page)
}

function* encodeLevel(
  groups: Iterable<Group>,
  encode: (cells: readonly Cell[], separator: Cell | undefined) => Uint8Array,
): Generator<{ readonly page: Uint8Array; readonly separator: Cell | undefined }> {
  for (const { cells, separator } of groups) yield { page: encode(cells, separator), separator }
}

/** Rows all stay in leaves; what leads to a leaf is the number of its last row. */
function* groupRows(rows: Iterable<SqliteRow>, room: number, pages: SqlitePages): Generator<Group> {
  let cells: Cell[] = []
  let used = 0
  let last = 0
  for (const row of rows) {
    const rowId = row.rowId ?? 0
    const body = encodeCell(row.values, rowId, pages)
    const cell = { body, order: row.order ?? rowId }
    if (used + cellBytes(cell) > room) {
      yield { cells, separator: { body: encodeVarint(last), order: last } }
      cells = []
      used = 0
    }
    cells.push(cell)
    used += cellBytes(cell)
    last = rowId
  }
  yield { cells }
}

function* entries(rows: Iterable<SqliteRow>, pages: SqlitePages): Generator<Cell> {
  let count = 0
  for (const { values, order } of rows) {
    yield { body: encodeCell(values, undefined, pages), order: order ?? count }
    count += 1
  }
}

/** An entry that a page has no room for moves up, between that page and the next. No page may be without entries. */
function* groupEntries(cells: Iterable<Cell>, room: number): Generator<Group> {
  let full: { readonly cells: Cell[]; readonly separator: Cell } | undefined
  let rest: Cell[] = []
  let used = 0
  for (const cell of cells) {
    if (used + cellBytes(cell) <= room) {
      rest.push(cell)
      used += cellBytes(cell)
      continue
    }
    if (full !== undefined) yield full
    full = { cells: rest, separator: cell }
    rest = []
    used = 0
  }
  if (full !== undefined && rest.length === 0) {
    const separator = full.cells.at(-1)
    yield { cells: full.cells.slice(0, -1), ...(separator === undefined ? {} : { separator }) }
    yield { cells: [full.separator] }
    return
  }
  if (full !== undefined) yield full
  yield { cells: rest }
}

/** A cell of a leaf, less what is too long for a page, which goes on others. */
function encodeCell(values: readonly SqliteValue[], rowId: number | undefined, pages: SqlitePages): Uint8Array {
  const record = encodeRecord(values)
  const head = [encodeVarint(record.length), ...(rowId === undefined ? [] : [encodeVarint(rowId)])]
  const { maxLocalBytes } = rowId === undefined ? INDEX : TABLE
  if (record.length <= maxLocalBytes) return Buffer.concat([...head, record])
  const wanted = MIN_LOCAL_BYTES + ((record.length - MIN_LOCAL_BYTES) % (SQLITE_PAGE_BYTES - 4))
  const local = wanted <= maxLocalBytes ? wanted : MIN_LOCAL_BYTES
  const link = Buffer.alloc(4)
  link.writeUInt32BE(pages.addOverflow(record.subarray(local)))
  return Buffer.concat([...head, record.subarray(0, local), link])
}
