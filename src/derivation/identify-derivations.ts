import { DockerToolsError } from '#errors'
import type { StorePath } from '#store'
import type { Derivation } from './derivation.ts'
import { type DerivationIdentity, identifyDerivation } from './hash-derivation-modulo.ts'

/** More than any package set has below one package. */
const MAX_DERIVATIONS = 1_000_000

/**
 * What derivations, and all that they are built from, count as where they are
 * inputs. Each is read once; depth costs no stack.
 *
 * @param read Gives the derivation in a `.drv` file.
 * @throws {DockerToolsError} `FORMAT_INVALID` for derivations that need one
 *   another; `LIMIT_EXCEEDED`; what `read` throws.
 */
export async function identifyDerivations(
  roots: readonly StorePath[],
  read: (path: StorePath) => Promise<Derivation>,
): Promise<ReadonlyMap<StorePath, DerivationIdentity>> {
  const identities = new Map<StorePath, DerivationIdentity>()
  const open = new Map<StorePath, Derivation>()
  const pending = [...roots]
  for (let path = pending.at(-1); path !== undefined; path = pending.at(-1)) {
    const known = open.get(path)
    if (identities.has(path)) pending.pop()
    else if (known !== undefined) {
      // Everything below it has been looked at since it was opened.
      identities.set(path, identifyDerivation(known, identities))
      open.delete(path)
      pending.pop()
    } else {
      if (identities.size + open.size >= MAX_DERIVATIONS) throw tooMany()
      const derivation = await read(path)
      open.set(path, derivation)
      for (const input of derivation.inputDerivations.keys()) {
        if (open.has(input)) throw circular(path, input)
        if (!identities.has(input)) pending.push(input)
      }
    }
  }
  return identities
}

function circular(path: StorePath, input: StorePath): DockerToolsError {
  return new DockerToolsError(
    'FORMAT_INVALID',
    `Cannot hash derivation "${path}": it and its input "${input}" need each other, derivations should not`,
  )
}

function tooMany(): DockerToolsError {
  return new DockerToolsError(
    'LIMIT_EXCEEDED',
    `Cannot hash a derivation: it is built from more than ${MAX_DERIVATIONS} others, the limit`,
  )
}
