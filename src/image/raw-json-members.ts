import { DockerToolsError } from '#errors'
import { isJsonObject } from './json-value.ts'
import { parseJson } from './parse-json.ts'

/**
 * The members of a JSON object as they are written, each as Go passes on a raw value: without white space, with
 * `<`, `>`, `&` and the line separators of Unicode escaped, everything else as it was. Of members with the same name
 * the last one counts.
 *
 * @param bytes UTF-8, or what passes for it; the texts that come back have a character for each byte.
 * @throws {DockerToolsError} `FORMAT_INVALID` where it is no JSON object.
 * @see Go's `encoding/json`, `RawMessage` and `compact`
 */
export function rawJsonMembers(bytes: Uint8Array, what: string): ReadonlyMap<string, string> {
  const isObject = isJsonObject(parseJson(Buffer.from(bytes).toString('utf8'), what))
  const text = compact(Buffer.from(bytes).toString('latin1'))
  if (!isObject || !text.startsWith('{')) {
    throw new DockerToolsError('FORMAT_INVALID', `Cannot read ${what}: it should be a JSON object`)
  }
  const members = new Map<string, string>()
  let depth = 0
  let start = 1
  let name: string | undefined
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (depth === 1 && name === undefined && token.startsWith('"')) {
      name = JSON.parse(Buffer.from(token, 'latin1').toString('utf8')) as string
      start = index + token.length + 1
    }
    if (token === '{' || token === '[') depth++
    if (token === '}' || token === ']') depth--
    const isEnd = (depth === 1 && token === ',') || depth === 0
    if (!isEnd || name === undefined) continue
    members.set(name, text.slice(start, index))
    name = undefined
  }
  return members
}

/** Strings, and what gives JSON its structure; numbers and words lie between. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],]/gs

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['<', String.raw`\u003c`],
  ['>', String.raw`\u003e`],
  ['&', String.raw`\u0026`],
  // U+2028 and U+2029 in UTF-8.
  ['\u00e2\u0080\u00a8', String.raw`\u2028`],
  ['\u00e2\u0080\u00a9', String.raw`\u2029`],
])

function compact(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|[ \t\r\n]+/gs, (token) =>
    token.startsWith('"')
      ? token.replaceAll(/[<>&]|\u00e2\u0080[\u00a8\u00a9]/g, (character) => ESCAPES.get(character) ?? character)
      : '',
  )
}
