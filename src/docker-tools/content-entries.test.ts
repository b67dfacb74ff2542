import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStorePath, type Store, type StorePath } from '#store'
import type { TreeEntry } from '#tree'
import { byteStringToText, toByteString } from '#util'
import { contentEntries } from './content-entries.ts'

const path = (letter: string): StorePath => parseStorePath(`/nix/store/${letter.repeat(32)}-${letter}`)
const [A, B, C] = [path('a'), path('b'), path('c')]

/** A store of paths, each with its entries: `name` for a file, `name/` for a folder, `name > target` for a link. */
function storeOf(trees: Readonly<Record<string, readonly string[]>>): Store {
  // oxlint-disable-next-line require-await -- a store gives entries as they come
  async function* entries(wanted: StorePath): AsyncGenerator<TreeEntry> {
    for (const line of trees[wanted] ?? []) {
      const [name = '', target] = line.split(' > ')
      const at = toByteString(name.replace(/\/$/, ''))
      if (target !== undefined) yield { type: 'symlink', path: at, mode: 0o777, target: toByteString(target) }
      else if (name === '' || name.endsWith('/')) yield { type: 'directory', path: at, mode: 0o555 }
      else yield { type: 'file', path: at, mode: 0o444, size: 0, open: async function* () {} }
    }
  }
  const unused = (): Promise<never> => Promise.reject(new Error('only entries are asked for'))
  const others = { pathInfo: unused, has: unused, findByHashPart: unused, realPath: unused }
  return { dir: '/nix/store', uri: 'test', entries, ...others }
}

async function names(store: Store, content: StorePath): Promise<string[]> {
  const found = await Array.fromAsync(contentEntries(store, content))
  return found.map((entry) => byteStringToText(entry.path))
}

test('a folder is its entries', async () => {
  assert.deepEqual(await names(storeOf({ [A]: ['/', 'x/', 'x/y'] }), A), ['', 'x', 'x/y'])
})

test('a link to a path, to a folder in one, or through further links, is what it leads to', async () => {
  const folder = ['/', 'x/', 'x/y', 'x/z/', 'x/z/deep', 'xx']
  for (const [link, expected] of [
    [B, ['', 'x', 'x/y', 'x/z', 'x/z/deep', 'xx']],
    [`${B}/x`, ['', 'y', 'z', 'z/deep']],
    [`${B}/x/z/`, ['', 'deep']],
    [`${B.replace('/nix/store/', './')}/x`, ['', 'y', 'z', 'z/deep']],
    [`/nix/../nix/store/./${B.slice(11)}//x`, ['', 'y', 'z', 'z/deep']],
  ] as const) {
    assert.deepEqual(await names(storeOf({ [A]: [` > ${link}`], [B]: folder }), A), expected, link)
  }
  const chain = storeOf({
    [A]: [` > ${B}/to`],
    [B]: ['/', 'to > sub/next', 'sub/', `sub/next > ../../${C.slice(11)}`],
    [C]: ['/', 'end'],
  })
  assert.deepEqual(await names(chain, A), ['', 'end'])
})

test('links that lead nowhere, out of the store or in a circle are refused', async () => {
  for (const [trees, message] of [
    [{ [A]: [' > /etc'] }, /"\/etc", which is not in the store/],
    [{ [A]: [' > ../../../etc'] }, /"\/etc", which is not in the store/],
    [{ [A]: [' > /nix/store/x'] }, /which is not in the store/],
    [{ [A]: [` > ${B}/gone`], [B]: ['/'] }, /it has no "gone"/],
    [{ [A]: [` > ${B}`], [B]: [` > ${A}`] }, /round in a circle/],
    [{ [A]: [` > ${A}`] }, /round in a circle/],
  ] as const) {
    await assert.rejects(names(storeOf(trees), A), { code: 'FILE_TYPE_UNSUPPORTED', message })
  }
})
