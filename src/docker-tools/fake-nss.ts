import { type Built, isText, makeOwnOutput, namedArguments, optionalOf, symlinkJoin, writeTextDir } from '#derivation'
import { jsonObject } from '#image'
import type { TreeEntry } from '#tree'
import { toByteString } from '#util'

/** Arguments of `fakeNss`. */
export interface FakeNssArgs {
  /** Lines of `/etc/passwd` between those of root and nobody, without their ends. */
  readonly extraPasswdLines?: readonly string[]
  /** Lines of `/etc/group` between those of root and nobody. */
  readonly extraGroupLines?: readonly string[]
}

/**
 * `/etc/passwd` and `/etc/group` with root and nobody, `/etc/nsswitch.conf`,
 * and `/var/empty`: what programs need to look up users and hosts.
 *
 * @param args `extraPasswdLines` and `extraGroupLines`: lines between those of root and nobody.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/by-name/fa/fakeNss/package.nix`
 *
 * @example With a user of your own
 * ```ts
 * import { readdirSync } from 'node:fs'
 * import { fakeNss, realise } from 'dockertools'
 *
 * const users = fakeNss({ extraPasswdLines: ['app:x:1000:1000::/:/bin/sh'] })
 * const { path } = await realise(users, { stores: ['local:./result-store'] })
 * console.log(readdirSync(`${path}/etc`))
 * ```
 */
export function fakeNss(args: FakeNssArgs = {}): Built {
  const named = namedArguments('fakeNss', [args], [], ['extraPasswdLines', 'extraGroupLines'])
  const lines = (argument: string): readonly string[] =>
    optionalOf('fakeNss', named, argument, isLines, 'a list of lines') ?? []
  return symlinkJoin({
    name: 'fake-nss',
    paths: [
      textFile('etc/passwd', [
        'root:x:0:0:root user:/var/empty:/bin/sh',
        ...lines('extraPasswdLines'),
        'nobody:x:65534:65534:nobody:/var/empty:/bin/sh',
      ]),
      textFile('etc/group', ['root:x:0:', ...lines('extraGroupLines'), 'nobody:x:65534:']),
      textFile('etc/nsswitch.conf', ['hosts: files dns']),
      makeOwnOutput('var-empty', 'varEmpty', {}, () =>
        Promise.resolve({ args: jsonObject({}), values: [], inputs: [], content: () => Promise.resolve(varEmpty()) }),
      ),
    ],
  })
}

function textFile(path: string, lines: readonly string[]): Built {
  return writeTextDir({ path, text: lines.map((line) => `${line}\n`).join('') })
}

// oxlint-disable-next-line require-await -- trees come asynchronously
async function* varEmpty(): AsyncGenerator<TreeEntry> {
  for (const path of ['', 'var', 'var/empty']) yield { type: 'directory', path: toByteString(path), mode: 0o755 }
}

function isLines(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}
