import { open } from 'node:fs/promises'
import { DockerToolsError, systemErrorCode } from '#errors'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '#image'
import type { Credential } from './credential.ts'
import type { CredentialFile } from './credential-files.ts'

/** What a file says of credentials. */
export interface CredentialConfig {
  readonly path: string
  /** By key as it is written; undefined where an entry holds no secret. */
  readonly entries: ReadonlyMap<string, Credential | undefined>
  /** Programs to ask, by registry. */
  readonly helpers: ReadonlyMap<string, string>
  /** The program to ask for all others. */
  readonly store: string | undefined
}

const MAX_FILE_BYTES = 4 * 1024 * 1024
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR'])

/**
 * Reads a file as Docker and podman write it: `auths`, `credHelpers`, `credsStore`. No error shows what is in it.
 *
 * @returns undefined where there is none.
 * @throws {DockerToolsError} `FILE_UNREADABLE`, `FORMAT_INVALID`, `LIMIT_EXCEEDED`.
 */
export async function readCredentialFile(file: CredentialFile): Promise<CredentialConfig | undefined> {
  const text = await readText(file)
  if (text === undefined) return undefined
  const root = parse(text, file.path)
  const entries = membersOf(root, 'auths').map(([key, value]) => [key, readEntry(value, key, file.path)] as const)
  const store = root.get('credsStore')
  return {
    path: file.path,
    entries: new Map(entries),
    helpers: new Map(membersOf(root, 'credHelpers').filter((entry): entry is [string, string] => isText(entry[1]))),
    store: isText(store) ? store : undefined,
  }
}

async function readText({ path, isNamed }: CredentialFile): Promise<string | undefined> {
  try {
    await using handle = await open(path, 'r')
    const { size } = await handle.stat()
    if (size > MAX_FILE_BYTES) {
      const reason = `it has ${size} bytes, it should have ${MAX_FILE_BYTES} at most`
      throw new DockerToolsError('LIMIT_EXCEEDED', `Cannot read credentials "${path}": ${reason}`)
    }
    return await handle.readFile('utf8')
  } catch (error) {
    const code = systemErrorCode(error) ?? ''
    // podman's folder under /run may belong to another user: then there is nothing for us in it.
    if (ABSENT.has(code) || (code === 'EACCES' && !isNamed)) return undefined
    if (error instanceof DockerToolsError) throw error
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read credentials "${path}"`, { cause: error })
  }
}

function parse(text: string, path: string): JsonObject {
  // The parser's own error might show a piece of a secret.
  let value: JsonValue
  try {
    value = text.trim() === '' ? new Map<string, JsonValue>() : parseJson(text, 'credentials')
  } catch {
    throw invalid(path, 'it is not valid JSON')
  }
  if (!isJsonObject(value)) throw invalid(path, 'it should be a JSON object')
  return value
}

function membersOf(root: JsonObject, name: string): readonly (readonly [string, JsonValue])[] {
  const value = root.get(name)
  return isJsonObject(value) ? [...value] : []
}

function readEntry(value: JsonValue, key: string, path: string): Credential | undefined {
  if (!isJsonObject(value)) return undefined
  const [registryToken, identityToken] = [value.get('registrytoken'), value.get('identitytoken')]
  if (isText(registryToken)) return { type: 'registry-token', token: registryToken }
  if (isText(identityToken)) return { type: 'identity-token', token: identityToken }
  const auth = value.get('auth')
  if (isText(auth)) return decodeAuth(auth, key, path)
  const [username, password] = [value.get('username'), value.get('password')]
  return isText(username) && isText(password) ? { type: 'password', username, password } : undefined
}

function decodeAuth(auth: string, key: string, path: string): Credential {
  const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '')
  const colon = decoded.indexOf(':')
  if (colon <= 0) throw invalid(path, `the "auth" of "${key}" should be "USER:PASSWORD" in base64`)
  return { type: 'password', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function invalid(path: string, reason: string): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot read credentials "${path}": ${reason}`, {
    hint: 'Log in again, for example with docker login or podman login',
  })
}
