import type { JsonValue } from '#image'
import type { StorePath } from '#store'
import { type PathLike, resolvePath } from './path-like.ts'
import { findPlaceholders } from './placeholder.ts'
import type { Realisable, RealiseSession } from './realisable.ts'
import type { Workplace } from './realise-instance.ts'
import { DEFAULT_SHELL, runShellStep } from './shell-step.ts'
import { resolveTexts } from './used-texts.ts'

/** A script that is run over an output of ours, and what it uses. */
export interface PostBuild {
  /** For the derivation; nothing where there is no script. */
  readonly args: Readonly<Record<string, JsonValue>>
  readonly values: readonly Realisable[]
  readonly inputs: readonly StorePath[]
  readonly run: (place: Workplace, out: StorePath) => Promise<void>
}

/** @param script Empty where there is none. */
export async function planPostBuild(
  session: RealiseSession,
  name: string,
  script: string,
  given: PathLike | undefined,
): Promise<PostBuild> {
  if (script.trim() === '') return { args: {}, values: [], inputs: [], run: () => Promise.resolve() }
  const { values, literals, replace } = await resolveTexts(session, [script], `postBuild of "${name}"`)
  // A shell of the machine is seen where it is, and not added to the store.
  const isOfMachine = typeof given === 'string' && given.startsWith('/') && !isInStore(given, session)
  const shell = given === undefined || isOfMachine ? undefined : await resolvePath(session, given)
  const program = shell?.path ?? (isOfMachine ? given : DEFAULT_SHELL)
  const text = replace(script)
  return {
    args: { postBuild: text, shell: program },
    values: [...values.keys(), ...(shell?.value === undefined ? [] : [shell.value])],
    inputs: [...values.values(), ...literals, ...(shell === undefined ? [] : [shell.root])],
    run: (place, out) => runShellStep(session, place, { name, shell: program, script: text, out }),
  }
}

function isInStore(text: string, { store }: RealiseSession): boolean {
  return text.startsWith(`${store.dir}/`) || findPlaceholders(text).size > 0
}
