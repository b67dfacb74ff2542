import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DockerToolsError, systemErrorCode } from '#errors'
import type { LocalLayout } from './local-layout.ts'
import { NIX_SCHEMA, NIX_SCHEMA_VERSION } from './local-schema.ts'
import { storeError } from './store-error.ts'
import { StoreLock } from './store-lock.ts'

/**
 * Makes a store where there is none, as Nix would make it. What is there stays
 * as it is. Several processes may do so at once, and each may be killed.
 *
 * @throws {DockerToolsError} `FORMAT_UNSUPPORTED` for a store with another
 *   schema; `WRITE_FAILED`.
 */
export async function makeLocalStore(layout: LocalLayout): Promise<void> {
  if (existsSync(layout.database)) checkSchema(layout)
  try {
    mkdirSync(layout.ownDir, { recursive: true })
    // Whoever cleans up after the killed holds this lock alone, and leaves us in peace.
    using _lock = await StoreLock.acquire(layout.gcLock, 'shared')
    for (const folder of [join(layout.storeDir, '.links'), layout.databaseDir, layout.tempRoots, layout.scratchDir]) {
      mkdirSync(folder, { recursive: true })
    }
    mkdirSync(join(layout.profiles, 'per-user'), { recursive: true })
    mkdirSync(join(layout.gcRoots, 'auto'), { recursive: true })
    ignoreExisting(() => symlinkSync(layout.profiles, join(layout.gcRoots, 'profiles')))
    if (!existsSync(layout.database)) makeDatabase(layout)
    if (!existsSync(layout.schemaFile)) makeSchemaFile(layout)
  } catch (error) {
    throw storeError(`make store "local:${layout.root}"`, error)
  }
}

/**
 * @throws {DockerToolsError} `FORMAT_UNSUPPORTED` where the store is for a
 *   newer or an older Nix than the ones that have schema 10 (1.11 and later).
 */
export function checkSchema(layout: LocalLayout): void {
  let text: string
  try {
    if (lstatSync(layout.schemaFile).size > 64) throw schemaError(layout, 'no number')
    text = readFileSync(layout.schemaFile, 'utf8').trim()
  } catch (error) {
    // Its database was made, the file beside it not yet: that comes next.
    if (systemErrorCode(error) === 'ENOENT') return
    throw storeError(`open store "local:${layout.root}"`, error)
  }
  if (text !== String(NIX_SCHEMA_VERSION)) throw schemaError(layout, JSON.stringify(text))
}

function schemaError(layout: LocalLayout, found: string): DockerToolsError {
  return new DockerToolsError(
    'FORMAT_UNSUPPORTED',
    `Cannot open store "local:${layout.root}": its schema is ${found}, it should be "${NIX_SCHEMA_VERSION}"`,
    { hint: 'It was made by another version of Nix; use another root' },
  )
}

/** It gets its name when it is whole. */
function makeDatabase(layout: LocalLayout): void {
  const temp = mkdtempSync(join(layout.scratchDir, 'new-'))
  try {
    const file = join(temp, 'db.sqlite')
    const database = new DatabaseSync(file)
    try {
      database.exec('PRAGMA journal_mode = WAL')
      database.exec(`BEGIN; ${NIX_SCHEMA} COMMIT`)
      // Closing would do the same, but keep silent where the disk is full: only the file itself gets the name.
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } finally {
      database.close()
    }
    ignoreExisting(() => linkSync(file, layout.database))
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}

function makeSchemaFile(layout: LocalLayout): void {
  const temp = mkdtempSync(join(layout.scratchDir, 'new-'))
  try {
    writeFileSync(join(temp, 'schema'), String(NIX_SCHEMA_VERSION))
    renameSync(join(temp, 'schema'), layout.schemaFile)
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}

function ignoreExisting(make: () => void): void {
  try {
    make()
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error
  }
}
