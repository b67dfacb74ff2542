import { compareStorePaths, type StorePath } from '#store'
import type { DerivationSpec } from './derivation-spec.ts'

/**
 * Writes a derivation as the text that stands in a `.drv` file: an ATerm, of
 * which this is one form only, so that equal derivations have equal bytes.
 *
 * @param outputs The path of every output; all empty for the text whose hash
 *   the paths are made of.
 * @see nix `src/libstore/derivations.cc`, `Derivation::unparse`
 */
export function encodeDerivation(spec: DerivationSpec, outputs: ReadonlyMap<string, StorePath | ''>): string {
  const { name, system, builder } = spec
  const env = { ...spec.env, name, system, builder, ...Object.fromEntries(outputs) }
  const fields = [
    // Hash algorithm and hash stay empty: they belong to outputs known by their content.
    list([...outputs].toSorted(byKey).map(([output, path]) => tuple([output, path, '', '']))),
    // Derivations that have to be built first: none.
    list([]),
    list([...new Set(spec.inputSources)].toSorted(compareStorePaths).map(quote)),
    quote(system),
    quote(builder),
    list(spec.args.map(quote)),
    list(Object.entries(env).toSorted(byKey).map(tuple)),
  ]
  return `Derive(${fields.join(',')})`
}

/** Nix sorts names by their bytes. Comparing UTF-16 code units would put some characters elsewhere. */
function byKey(a: readonly [string, string], b: readonly [string, string]): number {
  return Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0]))
}

function list(items: readonly string[]): string {
  return `[${items.join(',')}]`
}

function tuple(texts: readonly string[]): string {
  return `(${texts.map(quote).join(',')})`
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** All other characters stand for themselves, control characters too. */
function quote(text: string): string {
  return `"${text.replaceAll(/["\\\n\r\t]/g, (character) => ESCAPES[character]!)}"`
}
