import { DockerToolsError } from '#errors'
import { formatHash, type Hash, parseHash } from './hash.ts'
import type { PathInfo } from './path-info.ts'
import {
  compareStorePaths,
  DEFAULT_STORE_DIR,
  parseStorePath,
  storePathBaseName,
  type StorePath,
} from './store-path.ts'

/** What a binary cache says of a path: what it is, and how to get it. */
export interface NarInfo extends PathInfo {
  /** Relative to the cache, as it stands in the file. */
  readonly url: string
  /** As it stands in the file: `xz`, `zstd`, … */
  readonly compression: string
  /** Of the file at `url`. */
  readonly fileHash?: Hash
  /** Bytes of the file at `url`. */
  readonly fileSize?: number
}

/** Fields that may stand in a narinfo once; any other but `Sig` is passed over, as Nix does. */
const SINGLE_FIELDS: ReadonlySet<string> = new Set([
  'StorePath',
  'URL',
  'Compression',
  'FileHash',
  'FileSize',
  'NarHash',
  'NarSize',
  'References',
  'Deriver',
  'CA',
])

/**
 * Reads the text of a `.narinfo` file.
 *
 * @param name Stands for the file in messages.
 * @throws {DockerToolsError} `FORMAT_INVALID`, `STORE_PATH_INVALID`.
 * @see nix `src/libstore/nar-info.cc`
 */
export function parseNarInfo(text: string, name: string, storeDir: string = DEFAULT_STORE_DIR): NarInfo {
  const { fields, signatures } = parseFields(text, name)
  const required = (field: string): string => {
    const value = fields.get(field)
    if (value === undefined || value === '') throw invalid(name, `it has no "${field}", it should have one`)
    return value
  }
  const fileHash = fields.get('FileHash')
  const fileSize = fields.get('FileSize')
  const deriver = fields.get('Deriver')
  const contentAddress = fields.get('CA')
  return {
    path: parseStorePath(required('StorePath'), storeDir),
    url: required('URL'),
    // A file from before the field was there: Nix takes bzip2, so we say what we are asked to read.
    compression: fields.get('Compression') ?? 'bzip2',
    ...(fileHash === undefined ? {} : { fileHash: parseHash(fileHash, 'sha256') }),
    ...(fileSize === undefined ? {} : { fileSize: parseSize(fileSize, 'FileSize', name) }),
    narHash: parseHash(required('NarHash'), 'sha256'),
    narSize: parseSize(required('NarSize'), 'NarSize', name),
    references: parseReferences(fields.get('References') ?? '', storeDir),
    ...(deriver === undefined || deriver === '' || deriver === 'unknown-deriver'
      ? {}
      : { deriver: parseStorePath(`${storeDir}/${deriver}`, storeDir) }),
    signatures,
    ...(contentAddress === undefined || contentAddress === '' ? {} : { contentAddress }),
  }
}

/** Writes a `.narinfo` file with the fields in Nix's order. */
export function formatNarInfo(info: NarInfo): string {
  const lines = [
    `StorePath: ${info.path}`,
    `URL: ${info.url}`,
    `Compression: ${info.compression}`,
    ...(info.fileHash === undefined ? [] : [`FileHash: sha256:${formatHash(info.fileHash, 'nix32')}`]),
    ...(info.fileSize === undefined ? [] : [`FileSize: ${info.fileSize}`]),
    `NarHash: sha256:${formatHash(info.narHash, 'nix32')}`,
    `NarSize: ${info.narSize}`,
    `References: ${info.references.map(storePathBaseName).join(' ')}`,
    ...(info.deriver === undefined ? [] : [`Deriver: ${storePathBaseName(info.deriver)}`]),
    ...info.signatures.map((signature) => `Sig: ${signature}`),
    ...(info.contentAddress === undefined ? [] : [`CA: ${info.contentAddress}`]),
  ]
  return `${lines.join('\n')}\n`
}

function parseFields(text: string, name: string): { fields: ReadonlyMap<string, string>; signatures: string[] } {
  const fields = new Map<string, string>()
  const signatures: string[] = []
  for (const line of text.split('\n')) {
    if (line === '' || line === '\r') continue
    const colon = line.indexOf(':')
    if (colon <= 0) throw invalid(name, `the line ${JSON.stringify(line.slice(0, 80))} has no "FIELD: VALUE"`)
    const field = line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    if (field === 'Sig') {
      signatures.push(value)
    } else if (SINGLE_FIELDS.has(field)) {
      if (fields.has(field)) throw invalid(name, `"${field}" stands in it twice, it should be there once`)
      fields.set(field, value)
    }
  }
  return { fields, signatures }
}

function parseReferences(text: string, storeDir: string): readonly StorePath[] {
  const names = text.split(/\s+/).filter((name) => name !== '')
  const paths = names.map((name) => parseStorePath(`${storeDir}/${name}`, storeDir))
  return [...new Set(paths)].toSorted(compareStorePaths)
}

function parseSize(text: string, field: string, name: string): number {
  const size = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(size)) return size
  throw invalid(name, `"${field}" is ${JSON.stringify(text.slice(0, 80))}, it should be a number from 0 to 2^53`)
}

function invalid(name: string, fault: string): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot read narinfo "${name}": ${fault}`)
}
