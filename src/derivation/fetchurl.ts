import { type Built, makeBuilt } from './built.ts'
import { derivation } from './derivation-recipe.ts'
import { argumentOf, invalid, isBoolean, isText, namedArguments, optionalOf } from './named-arguments.ts'
import { REALISE } from './realisable.ts'

/** Arguments of `fetchurl`. One of the hashes is needed. */
export interface FetchurlArgs {
  /** One of `url` and `urls` is needed. */
  readonly url?: string
  /** Asked one after the other until one answers. */
  readonly urls?: readonly string[]
  /** Default: the last part of the URL's path. */
  readonly name?: string
  /** With its algorithm, such as `sha256-BASE64`. */
  readonly hash?: string
  /** In place of `hash`: hex, base 32, base 64 or SRI. */
  readonly sha256?: string
  /** In place of `hash`. */
  readonly sha512?: string
  /** In place of `hash`. */
  readonly sha1?: string
  /** In place of `hash`. */
  readonly md5?: string
  /** In place of `hash`, with `outputHashAlgo`. */
  readonly outputHash?: string
  /** `sha256`, `sha512`, `sha1` or `md5`. */
  readonly outputHashAlgo?: string
  /** Whether the file is made executable; the hash is then of the NAR. */
  readonly executable?: boolean
  /** Whether the hash is of the file's NAR. */
  readonly recursiveHash?: boolean
  /**
   * Whether it is a tar, plain or compressed with gzip, zstd or xz, that is
   * unpacked; the hash is then of the NAR, and the name is `source` by default,
   * as with nixpkgs' `fetchzip`.
   */
  readonly unpack?: boolean
  /** Whether the one folder at the root of an unpacked archive is left out. Default: true. */
  readonly stripRoot?: boolean
}

const HASHES = ['sha256', 'sha512', 'sha1', 'md5'] as const
const NAMES = [
  'url',
  'urls',
  'name',
  'hash',
  ...HASHES,
  'outputHash',
  'outputHashAlgo',
  'executable',
  'recursiveHash',
  'unpack',
  'stripRoot',
]

/**
 * A file from the network, whose hash has to be known. Its path is that of
 * nixpkgs' `fetchurl` with the same name and hash.
 *
 * @param given One of `url` and `urls`, and one hash, are needed.
 * @throws {DockerToolsError} `DEFINITION_INVALID`, `FORMAT_INVALID` for a hash
 *   that is none; when it is made, `TRANSFER_FAILED`, and `DIGEST_MISMATCH` with both hashes.
 * @see nixpkgs `pkgs/build-support/fetchurl/default.nix`; nix `<nix/fetchurl.nix>`, whose derivation this is
 *
 * @example A file of a server as a layer
 * ```ts
 * import { fetchurl, streamLayeredImage } from 'dockertools'
 *
 * const data = fetchurl({
 *   url: 'https://example.org/data-1.0.csv',
 *   hash: 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
 * })
 * const image = streamLayeredImage({ name: 'data', tag: '1', config: { Env: [`DATA=${data}`] } })
 * console.log(data.name, image.imageName)
 * ```
 */
export function fetchurl(given: FetchurlArgs): Built {
  const args = namedArguments('fetchurl', [given], [], NAMES)
  const urls = urlsOf(args)
  const isUnpacked = optionalOf('fetchurl', args, 'unpack', isBoolean, 'true or false') ?? false
  const stripRoot = optionalOf('fetchurl', args, 'stripRoot', isBoolean, 'true or false')
  const name = optionalOf('fetchurl', args, 'name', isText, 'a text') ?? (isUnpacked ? 'source' : nameOf(urls[0]!))
  const isExecutable = optionalOf('fetchurl', args, 'executable', isBoolean, 'true or false') ?? false
  const isRecursive =
    (optionalOf('fetchurl', args, 'recursiveHash', isBoolean, 'true or false') ?? false) || isExecutable
  if (isUnpacked && isExecutable) throw invalid('fetchurl', 'it should get one of "unpack" and "executable"')
  if (!isUnpacked && stripRoot !== undefined) throw invalid('fetchurl', '"stripRoot" is for "unpack" only')
  const common = { name, system: 'builtin', ...hashOf(args), url: urls[0]!, urls }
  const drv = isUnpacked
    ? derivation({
        ...common,
        builder: 'builtin:dockertools',
        function: 'fetchurl',
        formatVersion: '1',
        outputHashMode: 'recursive',
        stripRoot: stripRoot ?? true,
      })
    : derivation({
        ...common,
        builder: 'builtin:fetchurl',
        outputHashMode: isRecursive ? 'recursive' : 'flat',
        executable: isExecutable,
        unpack: false,
        // What Nix lets a fetcher know of the machine.
        impureEnvVars: ['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy', 'no_proxy'],
        preferLocalBuild: true,
      })
  return makeBuilt(name, {}, drv[REALISE])
}

function urlsOf(args: Readonly<Record<string, unknown>>): readonly string[] {
  if ((args['url'] === undefined) === (args['urls'] === undefined)) {
    throw invalid('fetchurl', 'it should get one of "url" and "urls"')
  }
  if (args['urls'] !== undefined) return argumentOf('fetchurl', args, 'urls', isUrls, 'a list of URLs')
  return [argumentOf('fetchurl', args, 'url', isUrl, 'a URL')]
}

/** Nix separates several by spaces. */
function isUrl(value: unknown): value is string {
  return isText(value) && value !== '' && !/\s/.test(value)
}

function isUrls(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every(isUrl)
}

function nameOf(url: string): string {
  const path = URL.parse(url)?.pathname ?? url
  const name = decodeName(path.slice(path.lastIndexOf('/') + 1))
  if (name !== '') return name
  throw invalid('fetchurl', `its URL "${url}" ends in no name, "name" should be given`)
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    // It is no encoding then, and the name is checked later.
    return name
  }
}

function hashOf(args: Readonly<Record<string, unknown>>): {
  readonly outputHash: string
  readonly outputHashAlgo: string | null
} {
  const given = ['hash', ...HASHES, 'outputHash'].filter((name) => args[name] !== undefined)
  const [name] = given
  if (name === undefined || given.length > 1) {
    const fault = name === undefined ? 'it has no hash' : `it has several hashes (${given.join(', ')})`
    throw invalid('fetchurl', `${fault}, it should have one of hash, ${HASHES.join(', ')}, outputHash`)
  }
  const outputHash = argumentOf('fetchurl', args, name, isText, 'a text')
  if (outputHash === '') throw invalid('fetchurl', `argument "${name}": it is empty, it should be a hash`)
  const algorithm = optionalOf('fetchurl', args, 'outputHashAlgo', isText, 'a text')
  if (name === 'hash' || name === 'outputHash') return { outputHash, outputHashAlgo: algorithm ?? null }
  return { outputHash, outputHashAlgo: name }
}
