import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DockerToolsError, systemErrorCode } from '#errors'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '#image'
import { type Hash, isStorePath, parseHash, type StorePath } from '#store'
import { nearestName } from '#util'

/** The file's name, in the definition's folder or one above. */
export const LOCK_FILE_NAME = 'dockertools.lock.json'

const VERSION = 1
const MAX_LOCK_BYTES = 16 * 1024 * 1024
const FILE_FIELDS: readonly string[] = ['$schema', 'version', 'packages']
const PACKAGE_FIELDS: readonly string[] = ['storePath', 'narHash', 'cache']

/** Which store path a package is, and where to get it. */
export interface LockedPackage {
  readonly storePath: StorePath
  /** sha256 of its NAR. */
  readonly narHash: Hash
  /** A store as `--store` takes it. */
  readonly cache: string
}

/** What a lock file says. */
export interface PackageLock {
  readonly file: string
  readonly packages: ReadonlyMap<string, LockedPackage>
}

/** The lock file that counts for a definition in `folder`: the nearest, from there up. */
export function findPackageLock(folder: string): string | undefined {
  for (let each = resolve(folder); ; each = dirname(each)) {
    const file = join(each, LOCK_FILE_NAME)
    if (existsSync(file)) return file
    if (dirname(each) === each) return undefined
  }
}

/**
 * Reads a lock file. All of it is checked, whatever is asked of it.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID`, naming the package and what it should have; `FILE_UNREADABLE`.
 */
export async function readPackageLock(file: string, storeDir: string): Promise<PackageLock> {
  const value = await parse(file)
  const invalid = (reason: string): DockerToolsError => fault(file, reason)
  if (!isJsonObject(value)) throw invalid('it should be an object with "version" and "packages"')
  refuseUnknown(value, FILE_FIELDS, invalid)
  const version = value.get('version')
  if (version !== VERSION) throw invalid(`its version is ${brief(version)}, it should be ${VERSION}`)
  const packages = value.get('packages')
  if (!isJsonObject(packages)) throw invalid('its "packages" should be an object')
  const entries = [...packages].map(([attribute, entry]) => {
    const wrong = (reason: string): DockerToolsError => invalid(`package ${JSON.stringify(attribute)}: ${reason}`)
    return [attribute, readPackage(entry, dirname(file), storeDir, wrong)] as const
  })
  return { file, packages: new Map(entries) }
}

async function parse(file: string): Promise<JsonValue> {
  let text: string
  try {
    const stats = await stat(file)
    if (!stats.isFile()) throw fault(file, 'it is no regular file, it should be one')
    const { size } = stats
    if (size > MAX_LOCK_BYTES) {
      throw new DockerToolsError(
        'LIMIT_EXCEEDED',
        `Cannot read lock file "${file}": it has ${size} bytes, it should have at most ${MAX_LOCK_BYTES}`,
      )
    }
    text = await readFile(file, 'utf8')
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === undefined || error instanceof DockerToolsError) throw error
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read lock file "${file}": the system says ${code}`, {
      cause: error,
    })
  }
  try {
    return parseJson(text, 'the file')
  } catch (error) {
    if (!(error instanceof DockerToolsError)) throw error
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot read lock file "${file}": it is no JSON, it should be`, {
      cause: error,
    })
  }
}

function readPackage(
  value: JsonValue,
  folder: string,
  storeDir: string,
  wrong: (reason: string) => DockerToolsError,
): LockedPackage {
  if (!isJsonObject(value)) throw wrong(`it should be an object with ${list(PACKAGE_FIELDS)}`)
  refuseUnknown(value, PACKAGE_FIELDS, wrong)
  const text = (field: string): string => {
    const found = value.get(field)
    if (typeof found === 'string') return found
    throw wrong(`its "${field}" is ${found === undefined ? 'missing' : brief(found)}, it should be a text`)
  }
  const [path, hash, cache] = [text('storePath'), text('narHash'), text('cache')]
  return {
    storePath: readStorePath(path, storeDir, wrong),
    narHash: readNarHash(hash, wrong),
    cache: resolveCache(cache, folder, wrong),
  }
}

function readStorePath(text: string, storeDir: string, wrong: (reason: string) => DockerToolsError): StorePath {
  if (isStorePath(text, storeDir)) return text
  throw wrong(`its "storePath" is ${brief(text)}, it should be a store path in "${storeDir}"`)
}

function readNarHash(text: string, wrong: (reason: string) => DockerToolsError): Hash {
  try {
    return parseHash(text, 'sha256')
  } catch (error) {
    if (!(error instanceof DockerToolsError)) throw error
    throw wrong(`its "narHash" is ${brief(text)}, it should be a sha256 such as "sha256-" and base 64`)
  }
}

/** A cache beside the lock file is named from there. */
function resolveCache(cache: string, folder: string, wrong: (reason: string) => DockerToolsError): string {
  if (/^\.\.?\//.test(cache)) return pathToFileURL(resolve(folder, cache)).href
  if (/^(?:https?:\/\/|file:\/\/\/)/.test(cache)) return cache
  throw wrong(
    `its "cache" is ${brief(cache)}, it should be "https://…", "http://…", "file:///…" or start with "./" or "../"`,
  )
}

function refuseUnknown(value: JsonObject, known: readonly string[], wrong: (reason: string) => DockerToolsError): void {
  const unknown = [...value.keys()].find((name) => !known.includes(name))
  if (unknown === undefined) return
  const nearest = nearestName(unknown, known)
  throw wrong(
    `it has ${brief(unknown)}${nearest === undefined ? `, it should have ${list(known)} only` : `, the nearest is "${nearest}"`}`,
  )
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}

/** A foreign value in a message. */
function brief(value: JsonValue | undefined): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}…` : value)
  return value === undefined ? 'missing' : typeof value === 'object' ? 'no text' : String(value)
}

function fault(file: string, reason: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot read lock file "${file}": ${reason}`)
}
