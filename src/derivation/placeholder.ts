import { encodeNix32, hashBytes } from '#store'
import type { Realisable } from './realisable.ts'

/** What placeholders stand for. One for the process: text made by one copy of this package may be used by another. */
interface Registry {
  readonly byText: Map<string, Realisable>
  readonly byValue: WeakMap<Realisable, string>
}

const REGISTRY = Symbol.for('dockertools.placeholders')
/** As long as Nix's own placeholders: a slash and 52 characters for 256 bits. */
const PLACEHOLDER = /\/[0-9a-df-np-sv-z]{52}(?![0-9a-df-np-sv-z])/g

/**
 * The text that stands for the output of `value` until its path is known: the
 * same each time for one value, and for no other.
 */
export function placeholderOf(value: Realisable): string {
  const { byText, byValue } = registry()
  const known = byValue.get(value)
  if (known !== undefined) return known
  // Numbered, as no two may be the same. It never reaches any output, so the order of calls changes no byte.
  const { bytes } = hashBytes('sha256', `dockertools-placeholder:${byText.size}`)
  const text = `/${encodeNix32(bytes)}`
  byValue.set(value, text)
  byText.set(text, value)
  return text
}

/** The placeholders in a text and what they stand for, each once. */
export function findPlaceholders(text: string): ReadonlyMap<string, Realisable> {
  const { byText } = registry()
  const found = new Map<string, Realisable>()
  // Most texts have none, and some are large.
  if (byText.size === 0) return found
  for (const [match] of text.matchAll(PLACEHOLDER)) {
    const value = byText.get(match)
    if (value !== undefined) found.set(match, value)
  }
  return found
}

/** The text with every placeholder that `paths` has replaced. */
export function replacePlaceholders(text: string, paths: ReadonlyMap<string, string>): string {
  return paths.size === 0 ? text : text.replaceAll(PLACEHOLDER, (match) => paths.get(match) ?? match)
}

/**
 * What Nix puts into a derivation for the path of its own output, which is
 * not known before the derivation is; builders see the path in its place.
 *
 * @param output Name of the output, such as `out`.
 * @see nix `src/libstore/derivations.cc`, `hashPlaceholder`
 *
 * @example The path of the output, in an argument
 * ```ts
 * import { derivation, placeholder, realise } from 'dockertools'
 *
 * const note = derivation({ name: 'note', builder: '/bin/sh', args: ['-c', `echo made > ${placeholder('out')}`] })
 * const { path } = await realise(note, { stores: ['local:./result-store'] })
 * console.log(path)
 * ```
 */
export function placeholder(output: string): string {
  return `/${encodeNix32(hashBytes('sha256', `nix-output:${output}`).bytes)}`
}

function registry(): Registry {
  const scope = globalThis as { [REGISTRY]?: Registry }
  scope[REGISTRY] ??= { byText: new Map(), byValue: new WeakMap() }
  return scope[REGISTRY]
}
