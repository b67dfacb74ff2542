import { DockerToolsError } from '#errors'

/** Bytes of a page: SQLite's default. */
export const SQLITE_PAGE_BYTES = 4096

/** SQLite keeps the page at 1 GiB for its locks. What would need it is far beyond any image. */
const MAX_PAGES = 2 ** 30 / SQLITE_PAGE_BYTES

const OVERFLOW_LINK_BYTES = 4

/** What lies in a page of a tree: a row, an entry, or the way to a page below. */
export interface Cell {
  /** The page below, of what is less. Cells of leaves have none. */
  readonly child?: number
  readonly body: Uint8Array
  /** When it was put there. Cells lie in their page in this order, from its end, and are found through a sorted list. */
  readonly order: number
}

/** The numbers of SQLite's four kinds of pages. */
export type PageType = 0x02 | 0x05 | 0x0a | 0x0d

/** A page of a tree. */
export interface Page {
  readonly type: PageType
  /** Sorted by key. */
  readonly cells: readonly Cell[]
  /** The page below with what is greater than all cells. Leaves have none. */
  readonly right?: number
}

/** The pages of a database that is being written, numbered from 1. */
export class SqlitePages {
  readonly #pages: Uint8Array[]

  /** @param reserved How many pages have their places at the beginning, and come later. */
  constructor(reserved: number) {
    this.#pages = Array.from({ length: reserved }, () => new Uint8Array(0))
  }

  get count(): number {
    return this.#pages.length
  }

  set(page: number, bytes: Uint8Array): void {
    this.#pages[page - 1] = bytes
  }

  /** @throws {DockerToolsError} `LIMIT_EXCEEDED`. */
  add(bytes: Uint8Array): number {
    if (this.count >= MAX_PAGES) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot write the Nix database: it has more than ${MAX_PAGES * SQLITE_PAGE_BYTES} bytes`,
      )
    }
    return this.#pages.push(bytes)
  }

  /** Puts what does not fit into a cell on pages of its own, each of which names the next, and gives the first. */
  addOverflow(bytes: Uint8Array): number {
    const room = SQLITE_PAGE_BYTES - OVERFLOW_LINK_BYTES
    let next = 0
    for (let at = Math.floor((bytes.length - 1) / room) * room; at >= 0; at -= room) {
      const page = Buffer.alloc(SQLITE_PAGE_BYTES)
      page.writeUInt32BE(next, 0)
      page.set(bytes.subarray(at, at + room), OVERFLOW_LINK_BYTES)
      next = this.add(page)
    }
    return next
  }

  /** The whole database. */
  bytes(): Uint8Array {
    return Buffer.concat(this.#pages)
  }
}

/** Bytes that a cell takes in its page, with its place in the list. */
export function cellBytes(cell: Cell): number {
  return cell.body.length + (cell.child === undefined ? 0 : 4) + 2
}

/** Bytes that a page has for cells. */
export function pageRoom(type: PageType): number {
  return SQLITE_PAGE_BYTES - headerBytes(type)
}

/**
 * @param start Where the page's header is: in the first page of a file, behind the file's.
 * @param end Where the cells end. What is behind them is one free block.
 * @see https://www.sqlite.org/fileformat2.html#b_tree_pages
 */
export function encodePage({ type, cells, right }: Page, start = 0, end: number = SQLITE_PAGE_BYTES): Uint8Array {
  const page = Buffer.alloc(SQLITE_PAGE_BYTES)
  const places = new Map<Cell, number>()
  let content = end
  for (const cell of cells.toSorted((a, b) => a.order - b.order)) {
    content -= cellBytes(cell) - 2
    places.set(cell, content)
    if (cell.child !== undefined) page.writeUInt32BE(cell.child, content)
    page.set(cell.body, content + (cell.child === undefined ? 0 : 4))
  }
  page.writeUInt8(type, start)
  page.writeUInt16BE(cells.length, start + 3)
  page.writeUInt16BE(content, start + 5)
  if (right !== undefined) page.writeUInt32BE(right, start + 8)
  for (const [index, cell] of cells.entries()) {
    page.writeUInt16BE(places.get(cell) ?? 0, start + headerBytes(type) + 2 * index)
  }
  if (end < SQLITE_PAGE_BYTES) {
    page.writeUInt16BE(end, start + 1)
    page.writeUInt16BE(SQLITE_PAGE_BYTES - end, end + 2)
  }
  return page
}

function headerBytes(type: PageType): number {
  return type === 0x02 || type === 0x05 ? 12 : 8
}
