/**
 * Python's `repr` of a list of strings, as upstream's history comments and log
 * lines have it: `['/nix/store/a', '/nix/store/b']`.
 */
export function pythonListRepr(items: readonly string[]): string {
  return `[${items.map(pythonStringRepr).join(', ')}]`
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

/** What Python calls not printable: all of Unicode's "other" and "separator" classes but the space itself. */
const UNPRINTABLE = /[\p{C}\p{Z}]/u

/** Python's `repr` of a string: single quotes, unless the text has one and no double quote. */
export function pythonStringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let inside = ''
  for (const character of text) {
    const escape = ESCAPES.get(character)
    if (escape !== undefined) inside += escape
    else if (character === quote) inside += `\\${character}`
    else if (character !== ' ' && UNPRINTABLE.test(character)) inside += hexEscape(character.codePointAt(0) ?? 0)
    else inside += character
  }
  return quote + inside + quote
}

function hexEscape(codePoint: number): string {
  const hex = codePoint.toString(16)
  if (codePoint <= 0xff) return `\\x${hex.padStart(2, '0')}`
  if (codePoint <= 0xffff) return `\\u${hex.padStart(4, '0')}`
  return `\\U${hex.padStart(8, '0')}`
}
