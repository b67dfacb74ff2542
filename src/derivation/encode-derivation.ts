import { compareStorePaths, formatHash } from '#store'
import type { Derivation, DerivationOutput } from './derivation.ts'

/**
 * Writes a derivation as the text that stands in a `.drv` file: an ATerm, of
 * which this is one form only, so that equal derivations have equal bytes.
 *
 * @param inputs What stands for the derivations to be built first, by name:
 *   their paths, or, in a text that is only hashed, their hashes.
 * @see nix `src/libstore/derivations.cc`, `Derivation::unparse`
 */
export function encodeDerivation(
  derivation: Derivation,
  inputs: ReadonlyMap<string, readonly string[]> = derivation.inputDerivations,
): string {
  const fields = [
    list([...derivation.outputs].toSorted(byKey).map(([name, output]) => tuple([name, ...describe(output)]))),
    list(
      [...inputs].toSorted(byKey).map(([input, outputs]) => `(${quote(input)},${list(sortTexts(outputs).map(quote))})`),
    ),
    list([...new Set(derivation.inputSources)].toSorted(compareStorePaths).map(quote)),
    quote(derivation.system),
    quote(derivation.builder),
    list(derivation.args.map(quote)),
    list([...derivation.env].toSorted(byKey).map(tuple)),
  ]
  return `Derive(${fields.join(',')})`
}

/** Path, method with algorithm, and hash; the last two are empty where the content is not known beforehand. */
function describe({ path, fixed }: DerivationOutput): [path: string, algorithm: string, hash: string] {
  if (fixed === undefined) return [path, '', '']
  const { ingestion, hash } = fixed
  return [path, `${ingestion === 'nar' ? 'r:' : ''}${hash.algorithm}`, formatHash(hash, 'hex')]
}

/** Nix sorts names by their bytes. Comparing UTF-16 code units would put some characters elsewhere. */
function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return byBytes(a[0], b[0])
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function sortTexts(texts: readonly string[]): string[] {
  return [...new Set(texts)].toSorted(byBytes)
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
