import { hashBytes, makeTextPath, type StorePath } from '#store'
import { type Built, makeBuilt } from './built.ts'
import { isMade } from './is-made.ts'
import { argumentOf, isText, namedArguments } from './named-arguments.ts'
import type { Realisable, RealiseSession } from './realisable.ts'
import { resolveTexts } from './used-texts.ts'

/** Arguments of `writeText`. */
export interface WriteTextArgs {
  /** Name of the store path. */
  readonly name: string
  /** May name outputs of other builders (`${hello}/bin/hello`); these and store paths written out in it become references. */
  readonly text: string
}

/**
 * A text file. Its path follows from its text, as that of `builtins.toFile` does.
 *
 * @param name Name of the store path.
 * @param text The content; `${…}` of another builder in it is that one's path, and a reference.
 * @returns What stands for the file wherever a path is taken.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `writeText`
 *
 * @example A text that refers to another
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { realise, writeText } from 'dockertools'
 *
 * const note = writeText('note', `see ${writeText('other', '')}\n`)
 * const { path } = await realise(note, { stores: ['local:./result-store'] })
 * console.log(readFileSync(path, 'utf8'))
 * ```
 */
export function writeText(name: string, text: string): Built
export function writeText(args: WriteTextArgs): Built
export function writeText(...given: readonly unknown[]): Built {
  const args = namedArguments('writeText', given, ['name', 'text'])
  const name = argumentOf('writeText', args, 'name', isText, 'a text')
  const text = argumentOf('writeText', args, 'text', isText, 'a text')
  return makeBuilt(
    name,
    {},
    {
      name,
      async outPath(session) {
        return (await resolve(name, text, session)).path
      },
      async realise(session) {
        const { path, values, references, content } = await resolve(name, text, session)
        // Made again it cannot be another: the path follows from the text.
        if (await isMade(session, path)) return path
        await session.all(values.map((value) => session.realise(value)))
        await session.bring(references)
        return await session.writable.addText(name, content, references)
      },
    },
  )
}

interface ResolvedText {
  readonly path: StorePath
  readonly values: readonly Realisable[]
  readonly references: readonly StorePath[]
  readonly content: string
}

async function resolve(name: string, text: string, session: RealiseSession): Promise<ResolvedText> {
  const { values, literals, replace } = await resolveTexts(session, [text], `Text "${name}"`)
  const references = [...new Set([...values.values(), ...literals])]
  const content = replace(text)
  const path = makeTextPath(name, hashBytes('sha256', content), references, session.store.dir)
  return { path, values: [...values.keys()], references, content }
}
