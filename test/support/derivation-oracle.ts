import { createHash } from 'node:crypto'
import { toBase32 } from './binary-cache.ts'

/** A derivation of the package's own, told anew for the tests: see "Our derivations" in docs/parity.md. */
export interface OwnDerivation {
  readonly name: string
  readonly function: string
  /** Canonical JSON: members sorted, no white space. */
  readonly args: string
  readonly inputs: readonly string[]
}

/** The text of the derivation with `outPath` as its output. */
export function derivationText({ name, function: what, args, inputs }: OwnDerivation, outPath: string): string {
  const environment = { args, builder: 'builtin:dockertools', formatVersion: '1', function: what, name, out: outPath }
  const pairs = Object.entries({ ...environment, system: 'builtin' })
  const sources = [...new Set(inputs)].toSorted((a, b) => (a < b ? -1 : 1)).map(quote)
  const output = `("out",${quote(outPath)},"","")`
  const variables = pairs.map(([key, value]) => `(${quote(key)},${quote(value)})`)
  return `Derive([${output}],[],[${sources.join(',')}],"builtin","builtin:dockertools",[],[${variables.join(',')}])`
}

/** The output path: Nix's `output:out` of the text with the output path left empty. */
export function derivationOutput(derivation: OwnDerivation): string {
  const inner = createHash('sha256').update(derivationText(derivation, '')).digest('hex')
  return storePath(`output:out:sha256:${inner}:/nix/store:${derivation.name}`, derivation.name)
}

/** The path of the `.drv`. */
export function derivationPath(derivation: OwnDerivation): string {
  const text = derivationText(derivation, derivationOutput(derivation))
  const references = [...new Set(derivation.inputs)].toSorted((a, b) => (a < b ? -1 : 1)).map((path) => `:${path}`)
  const inner = createHash('sha256').update(text).digest('hex')
  return storePath(
    `text${references.join('')}:sha256:${inner}:/nix/store:${derivation.name}.drv`,
    `${derivation.name}.drv`,
  )
}

function storePath(fingerprint: string, name: string): string {
  const digest = createHash('sha256').update(fingerprint).digest()
  const folded = Buffer.alloc(20)
  for (const [index, byte] of digest.entries()) folded[index % 20] = (folded[index % 20] ?? 0) ^ byte
  return `/nix/store/${toBase32(folded)}-${name}`
}

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`)}"`
}
