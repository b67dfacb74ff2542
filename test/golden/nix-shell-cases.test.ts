import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { buildNixShellImage, type Recipe, streamNixShellImage } from '#docker-tools'
import { makeTempDir } from '#util'
import { collectEvents, collectingSink } from '../support/collect.ts'
import { listTar, listingText, memberNamed, type TarListing, type TarRow } from '../support/list-tar.ts'
import { GOLDEN, GOLDEN_STORE, skipWithoutGolden } from '../support/places.ts'
import { manifestOf } from './compare-archives.ts'
import { type ExpectedImage, type GoldenCase, readCases } from './golden-case.ts'

interface ShellCase extends Omit<GoldenCase, 'function' | 'derived'> {
  readonly function: 'streamNixShellImage' | 'buildNixShellImage'
  readonly derived: {
    readonly outPath: string
    readonly imageTag: string
    readonly imageName: string
    readonly confJson: string
    readonly files: Readonly<Record<string, string>>
  }
}

interface Config {
  readonly Cmd: readonly string[]
  readonly Env: readonly string[]
  readonly User: string
  readonly WorkingDir: string
}

const NAMES = ['streamNixShellImage', 'buildNixShellImage']
const cases = readCases(join(GOLDEN, 'visible'), NAMES) as unknown as readonly ShellCase[]

test('all recorded cases of nix-shell images are here', skipWithoutGolden, () => {
  assert.equal(cases.length, 5)
})

/** Packages of the recorded nixpkgs, named by a lock file as a user would. */
function lockFile(): string {
  const paths = JSON.parse(readFileSync(join(GOLDEN, 'packages.json'), 'utf8')) as Record<string, string>
  const infos = JSON.parse(readFileSync(join(GOLDEN, 'closure.json'), 'utf8')) as { path: string; narHash: string }[]
  const locked = (name: string): object => {
    const storePath = paths[name]
    return { storePath, narHash: infos.find(({ path }) => path === storePath)?.narHash, cache: GOLDEN_STORE }
  }
  const packages = { bashInteractive: locked('bash'), coreutils: locked('coreutils'), cacert: locked('cacert') }
  return JSON.stringify({ version: 1, packages })
}

const ANY = `/nix/store/${'0'.repeat(32)}`

/** Hash parts of store paths are free. */
function free(text: string): string {
  return text.replaceAll(/\/nix\/store\/[a-z0-9]{32}-/g, '/nix/store/HASH-')
}

/** What a script does: without comments, blank lines and indentation. */
function statements(text: string): readonly string[] {
  return free(text)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^#(?!!)/.test(line))
}

/** A text in a store layer, whatever the hash part of its path. */
function textInLayers(layers: readonly TarListing[], path: string): string {
  for (const { members } of layers) {
    const found = members.find(({ row }) => typeof row.name === 'string' && free(row.name) === free(path))
    if (found !== undefined) return found.body.toString()
  }
  throw new Error(`no layer has ${path}`)
}

const withFreeLink = (row: TarRow): TarRow => (typeof row.link === 'string' ? { ...row, link: free(row.link) } : row)

for (const golden of cases) {
  test(`${golden.function} gives what was recorded: ${golden.case}`, async () => {
    await using temp = await makeTempDir('shell-')
    writeFileSync(join(temp.path, 'dockertools.lock.json'), lockFile())
    const call = golden.function === 'buildNixShellImage' ? buildNixShellImage : streamNixShellImage
    const recipe: Recipe = call(golden.args as never)
    const { onEvent } = collectEvents()
    const options = {
      stores: [`local:${join(temp.path, 'store')}`, GOLDEN_STORE],
      checkSignatures: false,
      baseDirectory: temp.path,
      cacheDirectory: null,
      environment: {},
      onEvent,
    }
    const sink = collectingSink()
    const { repoTag } = await recipe.writeTo(sink, options)
    const archive = listTar(sink.bytes())
    const { config, layers } = manifestOf(archive)
    const conf = JSON.parse(golden.derived.confJson) as { readonly config: Config }
    const own = JSON.parse(memberNamed(archive, config).body.toString()) as { readonly config: Config }
    // The older revision passed the builder's arguments as a variable.
    const wanted = { ...conf.config, Env: conf.config.Env.filter((variable) => !variable.startsWith('args=')) }
    assert.equal(free(JSON.stringify(own.config, null, 1)), free(JSON.stringify(wanted, null, 1)))

    assert.equal(recipe.imageName, golden.derived.imageName)
    if ('tag' in golden.args) assert.equal(repoTag, `${recipe.imageName}:${golden.derived.imageTag}`)

    const bodies = layers.map((layer) => memberNamed(archive, layer).body)
    const listings = bodies.map((body) => listTar(body))
    for (const [path, text] of Object.entries(golden.derived.files)) {
      assert.deepEqual(statements(textInLayers(listings, path)), statements(text), path)
    }
    const expected = golden.expect as ExpectedImage
    const digest = expected.images[0]?.layers.at(-1)?.diffId.replace('sha256:', '')
    const top = listings.at(-1)?.members.map(({ row }) => withFreeLink(row)) ?? []
    assert.equal(
      listingText(top),
      free(gunzipSync(readFileSync(join(GOLDEN, 'layers', `${digest}.jsonl.gz`))).toString()),
    )
    assert.match(
      textInLayers(listings, `${ANY}-passwd/etc/passwd`),
      /\nnixbld:x:1000:1000:Build user:\/build:\/noshell\n/,
    )
    assert.match(textInLayers(listings, `${ANY}-group/etc/group`), /\nnixbld:!:1000:\n/)
    if (golden.function === 'buildNixShellImage') {
      const { storePath } = await recipe.build(options)
      assert.equal(free(storePath), free(golden.derived.outPath))
    }
  })
}
