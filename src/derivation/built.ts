import { placeholderOf } from './placeholder.ts'
import { type Realisable, type Realisation, REALISE } from './realisable.ts'

/** What is known of a package besides its content, as in nixpkgs. */
export interface Meta {
  /** Of two packages with the same file, `buildEnv` takes that of the one with the smaller number. Default: 5. */
  readonly priority?: number
}

/** What a builder returns: nothing has been made yet. In a text (`${it}`) it stands for its path. */
export interface Built extends Realisable {
  readonly name: string
  readonly meta: Meta
}

/** Makes a builder's result of how it is realised. */
export function makeBuilt(name: string, meta: Meta, realisation: Realisation): Built {
  return new Output(name, meta, realisation)
}

/**
 * The same, with another priority in `buildEnv`.
 *
 * @param priority Smaller numbers win; 5 is the default.
 * @param built What a builder returned.
 * @see nixpkgs `lib/meta.nix`, `setPrio`
 *
 * @example Of two files at one place, ours
 * ```ts
 * import { readlinkSync } from 'node:fs'
 * import { buildEnv, realise, setPrio, writeTextDir } from 'dockertools'
 *
 * const env = buildEnv({ name: 'env', paths: [setPrio(1, writeTextDir('motd', 'ours')), writeTextDir('motd', 'theirs')] })
 * const { path } = await realise(env, { stores: ['local:./result-store'] })
 * console.log(readlinkSync(`${path}/motd`))
 * ```
 */
export function setPrio(priority: number, built: Built): Built {
  return new Output(built.name, { ...built.meta, priority }, built[REALISE])
}

class Output implements Built {
  readonly name: string
  readonly meta: Meta
  readonly [REALISE]: Realisation

  constructor(name: string, meta: Meta, realisation: Realisation) {
    this.name = name
    this.meta = meta
    this[REALISE] = realisation
  }

  toString(): string {
    return placeholderOf(this)
  }

  /** In JSON, such as a configuration, it stands for its path as well. */
  toJSON(): string {
    return placeholderOf(this)
  }
}
