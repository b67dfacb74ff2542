import { jsonObject } from '#image'
import type { TreeEntry } from '#tree'
import type { StorePath } from '#store'
import { toByteString } from '#util'
import type { Built, Meta } from './built.ts'
import { isMeta } from './is-meta.ts'
import { argumentOf, invalid, isBoolean, isText, namedArguments, optionalOf } from './named-arguments.ts'
import { makeOwnOutput } from './own-output.ts'
import { resolveTexts } from './used-texts.ts'

/** Arguments of `writeTextFile`. */
export interface WriteTextFileArgs {
  /** Name of the store path. */
  readonly name: string
  /** May name outputs of other builders, as may that of `writeText`. */
  readonly text: string
  /** Default: false. */
  readonly executable?: boolean
  /** Where the file is below the output, such as `/bin/hello`. Default: the output is the file. */
  readonly destination?: string
  /** `priority`: in `buildEnv` the smaller number wins; default 5. */
  readonly meta?: Meta
}

/**
 * A text file, or a folder with one text file somewhere in it.
 *
 * @param given `name` and `text` are needed.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `writeTextFile`
 * @remarks Differs from nixpkgs: there is no `checkPhase`, as nothing is run; use `runCommand` to check a text.
 *
 * @example An executable file in a folder
 * ```ts
 * import { realise, writeTextFile } from 'dockertools'
 *
 * const tool = writeTextFile({ name: 'tool', text: '#!/bin/sh\n', executable: true, destination: '/bin/tool' })
 * const { path } = await realise(tool, { stores: ['local:./result-store'] })
 * console.log(`${path}/bin/tool`)
 * ```
 */
export function writeTextFile(given: WriteTextFileArgs): Built {
  return textFile(
    'writeTextFile',
    namedArguments('writeTextFile', [given], [], ['name', 'text', 'executable', 'destination', 'meta']),
  )
}

/**
 * What all builders of texts but `writeText` come down to.
 *
 * @param builder For messages.
 * @param ignored Store paths that the file does not refer to, though they may be written out in it.
 */
export function textFile(
  builder: string,
  args: Readonly<Record<string, unknown>>,
  ignored: readonly StorePath[] = [],
): Built {
  const name = argumentOf(builder, args, 'name', isText, 'a text')
  const text = argumentOf(builder, args, 'text', isText, 'a text')
  const isExecutable = optionalOf(builder, args, 'executable', isBoolean, 'true or false') ?? false
  const destination = optionalOf(builder, args, 'destination', isText, 'a text') ?? ''
  const meta = optionalOf(builder, args, 'meta', isMeta, 'an object with a priority') ?? {}
  const parts = destination.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw invalid(builder, `its file goes to "${destination}", it should stay below the output`)
  if (destination !== '' && parts.length === 0)
    throw invalid(builder, `its file goes to "${destination}", it should have a name`)
  return makeOwnOutput(name, 'writeTextFile', meta, async (session) => {
    const { values, literals, replace } = await resolveTexts(session, [text], `Text "${name}"`, ignored)
    const content = replace(text)
    return {
      args: jsonObject({ destination: parts.join('/'), executable: isExecutable, text: content }),
      values: values.keys(),
      inputs: [...values.values(), ...literals],
      content: () => Promise.resolve(entries(parts, Buffer.from(content), isExecutable)),
    }
  })
}

// oxlint-disable-next-line require-await -- trees come asynchronously
async function* entries(
  parts: readonly string[],
  content: Uint8Array,
  isExecutable: boolean,
): AsyncGenerator<TreeEntry> {
  for (const depth of parts.keys())
    yield { type: 'directory', path: toByteString(parts.slice(0, depth).join('/')), mode: 0o755 }
  yield {
    type: 'file',
    path: toByteString(parts.join('/')),
    mode: isExecutable ? 0o755 : 0o644,
    size: content.length,
    async *open() {
      yield content
    },
  }
}
