import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { formatHash } from './hash.ts'
import type { LocalLayout } from './local-layout.ts'
import { checkSchema } from './make-local-store.ts'
import { NixDatabase, openWithoutTrace } from './nix-database.ts'
import type { PathInfo } from './path-info.ts'
import { sqliteCode, storeError } from './store-error.ts'
import { compareStorePaths, isStorePath, type StorePath } from './store-path.ts'

/** How long another writer may keep us waiting. Writers are done in milliseconds. */
const BUSY_TIMEOUT_MS = 30_000
const SQLITE_READONLY = 8
const SQLITE_CANTOPEN = 14

/** A path as it is registered. */
export interface Registration extends PathInfo {
  readonly registeredSeconds: number
  /** Whether it was built here, so that nobody else has to vouch for it. */
  readonly isBuiltHere?: boolean
}

/** What the store has of one path, as garbage collection needs it. */
export interface RegisteredNode {
  readonly path: StorePath
  readonly references: readonly StorePath[]
  readonly narSize: number
}

/** The database of a local store: read as any of Nix's, and written. */
export class LocalDatabase implements Disposable {
  readonly #what: string
  readonly #storeDir: string
  readonly #database: DatabaseSync
  readonly #reader: NixDatabase
  readonly #statements = new Map<string, StatementSync>()

  /** @throws {DockerToolsError} `STORE_UNAVAILABLE`, `FORMAT_UNSUPPORTED`. */
  constructor(layout: LocalLayout, storeDir: string) {
    checkSchema(layout)
    this.#what = `store "local:${layout.root}"`
    this.#storeDir = storeDir
    let opened: DatabaseSync | undefined
    this.#reader = new NixDatabase(layout.database, storeDir, (file) => (opened = openToWrite(file)))
    // The reader has called what it was given, or thrown.
    this.#database = opened!
  }

  find(path: StorePath): PathInfo | undefined {
    return this.#reader.find(path)
  }

  has(path: StorePath): boolean {
    return this.#try('read', () => this.#prepare('SELECT 1 FROM ValidPaths WHERE path = ?').get(path) !== undefined)
  }

  findByHashPart(hashPart: string): StorePath | undefined {
    return this.#reader.findByHashPart(hashPart)
  }

  /** Every registered path, sorted. */
  paths(): StorePath[] {
    const rows = this.#try('read', () => this.#prepare('SELECT path FROM ValidPaths').all())
    return rows
      .map((row) => String(row['path']))
      .filter((path) => isStorePath(path, this.#storeDir))
      .toSorted(compareStorePaths)
  }

  /** Every registered path with what it refers to. */
  nodes(): ReadonlyMap<StorePath, RegisteredNode> {
    return this.#try('read', () => {
      const byId = new Map<number, { path: StorePath; references: StorePath[]; narSize: number }>()
      for (const row of this.#prepare('SELECT id, path, narSize FROM ValidPaths').iterate()) {
        const path = String(row['path']) as StorePath
        byId.set(Number(row['id']), { path, references: [], narSize: Number(row['narSize'] ?? 0) })
      }
      for (const row of this.#prepare('SELECT referrer, reference FROM Refs').iterate()) {
        const reference = byId.get(Number(row['reference']))
        if (reference !== undefined) byId.get(Number(row['referrer']))?.references.push(reference.path)
      }
      return new Map([...byId.values()].map((node) => [node.path, node]))
    })
  }

  /**
   * Runs `work` while nobody else can write, and makes what it wrote valid at
   * its end, all or nothing. It must not wait for anything: others are waiting.
   */
  transaction<Result>(what: string, work: () => Result): Result {
    return this.#try(what, () => {
      this.#database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        this.#database.exec('COMMIT')
        return result
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
        throw error
      }
    })
  }

  /** Registers paths that refer to registered paths and to one another only. */
  register(registrations: readonly Registration[]): void {
    const insert = this.#prepare(
      'INSERT INTO ValidPaths (path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    for (const info of registrations) {
      insert.run(
        info.path,
        `sha256:${formatHash(info.narHash, 'hex')}`,
        info.registeredSeconds,
        info.deriver ?? null,
        info.narSize,
        info.isBuiltHere === true ? 1 : null,
        info.signatures.length === 0 ? null : info.signatures.join(' '),
        info.contentAddress ?? null,
      )
    }
    for (const info of registrations) this.#registerReferences(info)
  }

  /** Notes where the outputs of a registered derivation belong, by name. */
  registerOutputs(derivation: StorePath, outputs: ReadonlyMap<string, StorePath>): void {
    const insert = this.#prepare(
      'INSERT INTO DerivationOutputs (drv, id, path) VALUES ((SELECT id FROM ValidPaths WHERE path = ?), ?, ?)',
    )
    for (const [name, path] of outputs) insert.run(derivation, name, path)
  }

  /** Forgets paths, which may refer to one another but must not be referred to by others. */
  forget(paths: readonly StorePath[]): void {
    const removeReferences = this.#prepare(
      'DELETE FROM Refs WHERE referrer = (SELECT id FROM ValidPaths WHERE path = ?)',
    )
    const remove = this.#prepare('DELETE FROM ValidPaths WHERE path = ?')
    for (const path of paths) removeReferences.run(path)
    for (const path of paths) remove.run(path)
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]()
  }

  #registerReferences(info: Registration): void {
    const idOf = '(SELECT id FROM ValidPaths WHERE path = ?)'
    const refer = this.#prepare(`INSERT INTO Refs (referrer, reference) VALUES (${idOf}, ${idOf})`)
    for (const reference of info.references) refer.run(info.path, reference)
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  #try<Result>(what: string, run: () => Result): Result {
    try {
      return run()
    } catch (error) {
      throw storeError(`${what} ${this.#what}`, error)
    }
  }
}

/** Who may only read the store reads it without a trace. Writing fails then, and says so. */
function openToWrite(file: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
    // As Nix has it: what is registered survives a kill of the process, and a loss of power leaves a sound database.
    database.exec('PRAGMA synchronous = NORMAL')
    database.prepare('SELECT 1 FROM ValidPaths LIMIT 1').get()
    return database
  } catch (error) {
    database?.close()
    const code = sqliteCode(error)
    if (code === SQLITE_READONLY || code === SQLITE_CANTOPEN) return openWithoutTrace(file)
    throw error
  }
}
