import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { toByteString } from '#util'
import { NameListing } from './base-layer-files.ts'

/** The names as the system's own programs list them: GNU tar's escapes, xargs, realpath and a loop of bash. */
const LISTING = `
shopt -s nullglob
cd "$(mktemp -d)"
for f in $(xargs realpath -ms --relative-to=. 2>/dev/null || true); do
  if [[ "$f" != . ]]; then printf '/%s\\n' "$f"; fi
done
rmdir "$PWD"
`

const NAMES: readonly (readonly string[])[] = [
  ['./', './bin/', './bin/hello'],
  ['nix/store/x/', 'nix/store/x/a-b', './etc//passwd', './a/./b'],
  ['./with space', './two  spaces here', './plain'],
  ['./sta*r', './quest?', './open[', './set[ab]', './plain'],
  ['./before', "./it's", './after'],
  ['./before', './say "so"', './after'],
  ['./before', './word then"broken', './after'],
]

for (const names of NAMES) {
  test(`lists ${JSON.stringify(names)} as xargs and bash do`, () => {
    const expected = execFileSync('bash', ['-c', LISTING], { input: `${names.join('\n')}\n`, encoding: 'utf8' })
    const files = new Set<string>()
    const listing = new NameListing(files)
    for (const name of names) if (!listing.add(toByteString(name))) break
    assert.deepEqual([...files].toSorted(compare), [...new Set(expected.trim().split('\n'))].toSorted(compare))
  })
}

test('escapes what GNU tar escapes, and xargs takes the backslashes away', () => {
  const files = new Set<string>()
  const listing = new NameListing(files)
  for (const name of ['./é', './tab\there', String.raw`./back\slash`]) listing.add(toByteString(name))
  assert.deepEqual([...files], ['/303251', '/tabthere', String.raw`/back\slash`])
})

test('absolute names are those of another folder', () => {
  const files = new Set<string>()
  assert.ok(new NameListing(files).add(toByteString('/nix/store/x')))
  assert.equal(files.size, 0)
})

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
