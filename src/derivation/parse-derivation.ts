import { DockerToolsError } from '#errors'
import { DEFAULT_STORE_DIR, parseHash, parseStorePath, type StorePath } from '#store'
import { AtermReader } from './aterm-reader.ts'
import type { Derivation, DerivationOutput } from './derivation.ts'

/** The largest in nixpkgs have some hundred kilobytes. */
export const MAX_DERIVATION_BYTES: number = 64 * 1024 * 1024

/**
 * Reads the text of a `.drv` file.
 *
 * @param where Names the file in messages.
 * @throws {DockerToolsError} `FORMAT_INVALID`, `STORE_PATH_INVALID`;
 *   `FORMAT_UNSUPPORTED` for outputs whose paths are known only once they are
 *   built; `LIMIT_EXCEEDED` above 64 MiB.
 */
export function parseDerivation(
  bytes: Uint8Array | string,
  where: string,
  storeDir: string = DEFAULT_STORE_DIR,
): Derivation {
  const reader = new AtermReader(decode(bytes, where), where)
  if (reader.tryTake('DrvWithVersion(')) {
    throw new DockerToolsError(
      'FORMAT_UNSUPPORTED',
      `Cannot read derivation "${where}": it uses experimental features, it should be a plain derivation`,
    )
  }
  reader.expect('Derive(')
  const readPath = (): StorePath => parseStorePath(reader.text(), storeDir)
  const outputs = asMap(
    reader,
    reader.list(() => readOutput(reader, storeDir)),
  )
  reader.expect(',')
  const inputDerivations = asMap(
    reader,
    reader.list((): [StorePath, string[]] => {
      reader.expect('(')
      const path = readPath()
      reader.expect(',')
      const names = reader.list(() => reader.text())
      reader.expect(')')
      return [path, names]
    }),
  )
  reader.expect(',')
  const inputSources = reader.list(readPath)
  reader.expect(',')
  const system = reader.text()
  reader.expect(',')
  const builder = reader.text()
  reader.expect(',')
  const args = reader.list(() => reader.text())
  reader.expect(',')
  const env = asMap(
    reader,
    reader.list((): [string, string] => {
      const [name, value] = reader.tuple(2)
      return [name!, value!]
    }),
  )
  reader.expect(')')
  reader.expectEnd()
  if (outputs.size === 0) throw reader.invalid('it has no outputs, it should have at least one')
  return { outputs, inputDerivations, inputSources, system, builder, args, env }
}

function decode(bytes: Uint8Array | string, where: string): string {
  if (bytes.length > MAX_DERIVATION_BYTES) {
    throw new DockerToolsError(
      'LIMIT_EXCEEDED',
      `Cannot read derivation "${where}": it is larger than the limit of ${MAX_DERIVATION_BYTES} bytes`,
    )
  }
  if (typeof bytes === 'string') return bytes
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    const message = `Cannot read derivation "${where}": it is no UTF-8, it should be`
    throw new DockerToolsError('FORMAT_INVALID', message, { cause })
  }
}

function readOutput(reader: AtermReader, storeDir: string): [string, DerivationOutput] {
  const [name = '', path = '', method = '', hash = ''] = reader.tuple(4)
  if (!/^[0-9A-Za-z+._?=-]+$/.test(name))
    throw reader.invalid(`${JSON.stringify(name)} should be the name of an output`)
  if (path === '' || (method !== '' && hash === '')) {
    throw new DockerToolsError(
      'FORMAT_UNSUPPORTED',
      `Cannot read derivation "${reader.where}": the path of output "${name}" follows from what is built, it should be known`,
    )
  }
  const output = { path: parseStorePath(path, storeDir) }
  if (method === '' && hash === '') return [name, output]
  const [, recursive, algorithm] = /^(r:)?(md5|sha1|sha256|sha512)$/.exec(method) ?? []
  if (algorithm === undefined) throw reader.invalid(`${JSON.stringify(method)} should be the algorithm of a hash`)
  const ingestion = recursive === undefined ? 'flat' : 'nar'
  return [name, { ...output, fixed: { ingestion, hash: parseHash(hash, algorithm as 'sha256') } }]
}

function asMap<Key extends string, Value>(reader: AtermReader, pairs: readonly [Key, Value][]): Map<Key, Value> {
  const map = new Map(pairs)
  if (map.size === pairs.length) return map
  throw reader.invalid('a name stands in it twice, each should be there once')
}
