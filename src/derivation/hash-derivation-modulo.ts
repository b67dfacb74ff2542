import { DockerToolsError } from '#errors'
import { formatHash, type Hash, hashBytes, type StorePath } from '#store'
import type { Derivation } from './derivation.ts'
import { encodeDerivation } from './encode-derivation.ts'

/**
 * What a derivation counts as in those that use it: for each output a digest
 * in hex. Outputs whose content is known beforehand count by that content, so
 * that how it is fetched makes no difference; all others by the derivation.
 */
export type DerivationIdentity = ReadonlyMap<string, string>

/**
 * The hash that a derivation's own output paths are made of.
 *
 * @param identities Of every derivation among its inputs.
 * @throws {DockerToolsError} `STORE_PATH_MISSING` where one is missing, or has
 *   no such output.
 * @see nix `src/libstore/derivations.cc`, `hashDerivationModulo`
 */
export function hashDerivationModulo(
  derivation: Derivation,
  identities: ReadonlyMap<StorePath, DerivationIdentity>,
): Hash {
  const outputs = new Map([...derivation.outputs].map(([name, output]) => [name, { ...output, path: '' as const }]))
  // A variable for each output holds its path, which is not known yet.
  const env = new Map([...derivation.env].map(([name, value]) => [name, outputs.has(name) ? '' : value]))
  return hashBytes(
    'sha256',
    encodeDerivation({ ...derivation, outputs, env }, inputsByIdentity(derivation, identities)),
  )
}

/** What a complete derivation counts as where it is an input. */
export function identifyDerivation(
  derivation: Derivation,
  identities: ReadonlyMap<StorePath, DerivationIdentity>,
): DerivationIdentity {
  const { outputs } = derivation
  if ([...outputs.values()].every(({ fixed }) => fixed !== undefined)) {
    return new Map([...outputs].map(([name, { path, fixed }]) => [name, identifyFixed(path, fixed!)]))
  }
  const hash = formatHash(
    hashBytes('sha256', encodeDerivation(derivation, inputsByIdentity(derivation, identities))),
    'hex',
  )
  return new Map([...outputs.keys()].map((name) => [name, hash]))
}

function identifyFixed(path: string, { ingestion, hash }: { ingestion: 'nar' | 'flat'; hash: Hash }): string {
  const method = ingestion === 'nar' ? 'r:' : ''
  const text = `fixed:out:${method}${hash.algorithm}:${formatHash(hash, 'hex')}:${path}`
  return formatHash(hashBytes('sha256', text), 'hex')
}

function inputsByIdentity(
  derivation: Derivation,
  identities: ReadonlyMap<StorePath, DerivationIdentity>,
): Map<string, string[]> {
  const inputs = new Map<string, string[]>()
  for (const [path, outputs] of derivation.inputDerivations) {
    for (const output of outputs) {
      const identity = identities.get(path)?.get(output)
      if (identity === undefined) {
        throw new DockerToolsError(
          'STORE_PATH_MISSING',
          `Cannot hash a derivation: its input "${path}" with output "${output}" is not known, it should be`,
        )
      }
      inputs.set(identity, [...(inputs.get(identity) ?? []), output])
    }
  }
  return inputs
}
