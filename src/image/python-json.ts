import { encodeIndentedJson } from './indented-json.ts'
import type { JsonValue } from './json-value.ts'
import { pythonFloat } from './python-float.ts'

/**
 * Writes JSON as Python's `json.dumps(value, indent=4)` does: every character
 * outside ASCII escaped, empty containers closed at once, no newline at the end.
 *
 * Image IDs are digests of this text, so every space counts.
 */
export function encodePythonJson(value: JsonValue): string {
  return encodeIndentedJson(value, { indent: '    ', encodeString, encodeFloat: pythonFloat })
}

/** `ensure_ascii` escapes DEL and everything above ASCII, a surrogate at a time. */
function encodeString(text: string): string {
  // JSON.stringify escapes a lone surrogate already; the pattern then sees only what it left.
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
