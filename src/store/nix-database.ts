import { existsSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { DockerToolsError } from '#errors'
import { parseHash } from './hash.ts'
import type { PathInfo } from './path-info.ts'
import { storeError } from './store-error.ts'
import { compareStorePaths, isStorePath, parseStorePath, type StorePath } from './store-path.ts'

/** How long a writer may keep us waiting. */
const BUSY_TIMEOUT_MS = 10_000

/** Nix's `db.sqlite`, read without leaving a trace. */
export class NixDatabase implements Disposable {
  readonly #file: string
  readonly #storeDir: string
  readonly #database: DatabaseSync
  readonly #findPath: StatementSync
  readonly #findReferences: StatementSync
  readonly #findNext: StatementSync

  /** @throws {DockerToolsError} `STORE_UNAVAILABLE` if the file cannot be read or is no such database. */
  constructor(file: string, storeDir: string, open: (file: string) => DatabaseSync = openWithoutTrace) {
    this.#file = file
    this.#storeDir = storeDir
    try {
      this.#database = open(file)
      this.#findPath = this.#database.prepare(
        'SELECT id, hash, deriver, narSize, sigs, ca FROM ValidPaths WHERE path = ?',
      )
      this.#findReferences = this.#database.prepare(
        'SELECT v.path FROM Refs r LEFT JOIN ValidPaths v ON v.id = r.reference WHERE r.referrer = ?',
      )
      this.#findNext = this.#database.prepare('SELECT path FROM ValidPaths WHERE path >= ? ORDER BY path LIMIT 1')
    } catch (error) {
      throw this.#unavailable(error)
    }
  }

  /** What the database says of `path`, or undefined if it does not have it. */
  find(path: StorePath): PathInfo | undefined {
    const row = this.#query(() => this.#findPath.get(path))
    if (row === undefined) return undefined
    const references = this.#query(() => this.#findReferences.all(row['id']!))
    const deriver = textOf(row['deriver'])
    const contentAddress = textOf(row['ca'])
    return {
      path,
      narHash: parseHash(textOf(row['hash']) ?? '', 'sha256'),
      narSize: Number(row['narSize'] ?? 0),
      references: references
        .map((reference) => this.#parseReference(reference['path'], path))
        .toSorted(compareStorePaths),
      ...(deriver === undefined ? {} : { deriver: parseStorePath(deriver, this.#storeDir) }),
      signatures: (textOf(row['sigs']) ?? '').split(' ').filter((signature) => signature !== ''),
      ...(contentAddress === undefined ? {} : { contentAddress }),
    }
  }

  /** The path whose hash part is `hashPart`. */
  findByHashPart(hashPart: string): StorePath | undefined {
    const prefix = `${this.#storeDir}/${hashPart}-`
    const path = textOf(this.#query(() => this.#findNext.get(prefix))?.['path'])
    return path?.startsWith(prefix) === true && isStorePath(path, this.#storeDir) ? path : undefined
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }

  /** A reference whose row is gone must not be lost in silence: an image would lack a path. */
  #parseReference(value: unknown, from: StorePath): StorePath {
    const text = textOf(value)
    if (text !== undefined) return parseStorePath(text, this.#storeDir)
    throw new DockerToolsError(
      'STORE_UNAVAILABLE',
      `Cannot read Nix database "${this.#file}": "${from}" refers to a path that is not in it, it should be`,
      { hint: 'Let Nix check its database with nix-store --verify' },
    )
  }

  #query<Result>(run: () => Result): Result {
    try {
      return run()
    } catch (error) {
      throw this.#unavailable(error)
    }
  }

  #unavailable(cause: unknown): DockerToolsError {
    const told = storeError(`read Nix database "${this.#file}"`, cause)
    if (told instanceof DockerToolsError && told.code === 'WRITE_FAILED') return told
    return new DockerToolsError(
      'STORE_UNAVAILABLE',
      `Cannot read Nix database "${this.#file}": it should be a database as Nix makes it`,
      { cause },
    )
  }
}

/**
 * Opening a database in WAL mode makes two files beside it, which an ordinary
 * user may not and nobody should. As long as no such file is there, nothing is
 * in it either, and the database can be read as if it never changed. Where one
 * is there but cannot be used, rows in it go unseen: the store asks Nix then.
 */
export function openWithoutTrace(file: string): DatabaseSync {
  if (existsSync(`${file}-wal`)) {
    const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    try {
      database.prepare('SELECT 1 FROM ValidPaths LIMIT 1').get()
      return database
    } catch {
      // Not ours to write the files it needs: read what is in the database itself.
      database.close()
    }
  }
  return new DatabaseSync(`${pathToFileURL(file).href}?immutable=1`, { readOnly: true })
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
