import { type DockerImage, type DockerLayer, isPlainLayer } from '#archive'
import { decompress, DETECTION_BYTES, detectCompression } from '#compress'
import { type IndexedTarMember, readTar, readTarIndex } from '#tar'
import { type ByteString, byteStringToBytes } from '#util'

/**
 * The names of all files in the layers of a base image, as upstream lists
 * them; only what is not among them is added to a new layer.
 */
export async function baseLayerFiles(image: DockerImage): Promise<Set<string>> {
  const files = new Set<string>()
  const seen = new Set<number>()
  for (const layer of image.layers) {
    if (seen.has(layer.bodyOffset)) continue
    seen.add(layer.bodyOffset)
    const names = new NameListing(files)
    for await (const member of layerIndex(layer)) {
      const slash = member.header.type === 'directory' && !member.header.path.endsWith('/') ? '/' : ''
      if (!names.add(`${member.header.path}${slash}` as ByteString)) break
    }
  }
  return files
}

async function* layerIndex(layer: DockerLayer): AsyncGenerator<IndexedTarMember> {
  if (await isPlainLayer(layer)) yield* readTarIndex(layer, { endMarker: 'optional' })
  else {
    const compression = detectCompression(await layer.read(0, DETECTION_BYTES))
    yield* readTar(decompress(compression, layer.open()), { endMarker: 'optional' })
  }
}

/**
 * Collects names as upstream's `tar -t | xargs realpath -ms` in a loop of bash
 * tells them. GNU tar writes rare bytes as escapes, and xargs and bash take
 * spaces, quotes, backslashes and wildcards in a name for their own, so that a
 * file with such a name counts as one that the base image does not have. So
 * does one with an absolute name, as layered images have them: upstream takes
 * names relative to the folder that it builds in.
 */
export class NameListing {
  readonly #files: Set<string>

  constructor(files: Set<string>) {
    this.#files = files
  }

  /** @returns False if xargs gives up here, and the listing ends. */
  add(name: ByteString): boolean {
    const { words, isBroken } = xargsWords(tarEscaped(name))
    for (const word of words.flatMap((text) => text.split(/[ \t\n]+/))) {
      const path = lexicalPath(word)
      if (!word.startsWith('/') && path !== '/' && !hasWildcard(path)) this.#files.add(path)
    }
    return !isBroken
  }
}

const ESCAPES: Readonly<Record<number, string>> = {
  7: String.raw`\a`,
  8: String.raw`\b`,
  9: String.raw`\t`,
  10: String.raw`\n`,
  11: String.raw`\v`,
  12: String.raw`\f`,
  13: String.raw`\r`,
  92: String.raw`\\`,
}

/** GNU tar's `--quoting-style=escape` in the C locale. */
function tarEscaped(name: ByteString): string {
  let text = ''
  for (const byte of byteStringToBytes(name)) {
    const escape = ESCAPES[byte]
    if (escape !== undefined) text += escape
    else if (byte < 32 || byte > 126) text += `\\${byte.toString(8).padStart(3, '0')}`
    else text += String.fromCodePoint(byte)
  }
  return text
}

/** The words that xargs makes of one line. A quote that is not closed on the line is its end. */
function xargsWords(line: string): { readonly words: string[]; readonly isBroken: boolean } {
  const words: string[] = []
  let word = ''
  let hasWord = false
  let quote = ''
  for (let index = 0; index < line.length; index++) {
    const char = line[index] ?? ''
    if (quote !== '') {
      if (char === quote) quote = ''
      else word += char
    } else if (char === '"' || char === "'") {
      quote = char
      hasWord = true
    } else if (char === ' ') {
      if (hasWord) words.push(word)
      word = ''
      hasWord = false
    } else {
      word += char === '\\' ? (line[++index] ?? '') : char
      hasWord = true
    }
  }
  if (hasWord && quote === '') words.push(word)
  return { words, isBroken: quote !== '' }
}

/** As `realpath -ms`, with a slash in front. */
function lexicalPath(word: string): string {
  const parts: string[] = []
  for (const part of word.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** With `nullglob` a pattern that matches nothing is nothing. */
function hasWildcard(path: string): boolean {
  return /[*?]|\[.*\]/.test(path)
}
