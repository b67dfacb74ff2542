import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type FixturePath, fixturePath, writeCache } from '../support/binary-cache.ts'
import { listTar, memberNamed, type TarListing } from '../support/list-tar.ts'
import { needs, needsRoot } from '../support/places.ts'
import { type Bench, type CliOptions, makeBench } from '../support/run-cli.ts'
import { nixEnvironment } from '../store/nix-oracle.ts'
import { assertFailed } from '../hostile/expect-refusal.ts'

const NOBODY = 65_534
const LIBRARY = fixturePath('a', 'library')
const TOOL = fixturePath('b', 'tool')
const EXTRA = fixturePath('c', 'extra')
const STATE = 'nix/var/nix'

/** A tool that names a library and itself, and something that nobody names. */
const PATHS: readonly FixturePath[] = [
  { path: LIBRARY, tree: { folder: [['lib', { folder: [['data', 'x'.repeat(5000)]] }]] } },
  {
    path: TOOL,
    tree: { folder: [['bin', { folder: [['tool', { executable: `${LIBRARY} ${TOOL}\n` }]] }]] },
    references: [LIBRARY, TOOL],
  },
  { path: EXTRA, tree: { folder: [['extra', 'extra']] } },
]

const FUNCTIONS = { buildImageWithNixDb: 'copyToRoot', buildLayeredImageWithNixDb: 'contents' } as const
type FunctionName = keyof typeof FUNCTIONS

async function makeNixBench(): Promise<Bench & { readonly cache: string }> {
  const bench = await makeBench()
  const cache = writeCache(join(bench.path, 'store'), PATHS)
  mkdirSync(join(bench.path, 'local/share'), { recursive: true })
  writeFileSync(join(bench.path, 'local/share/file'), 'local')
  return { ...bench, cache }
}

/** Builds an image, plain. */
async function build(
  bench: Bench & { readonly cache: string },
  name: FunctionName,
  args: object,
  options: CliOptions = {},
): Promise<Buffer> {
  const definition = JSON.stringify({
    function: name,
    args: { name: 'x', tag: '1', architecture: 'amd64', compressor: 'none', ...args },
  })
  const stores = ['--store', bench.cache, '--no-check-signatures']
  const result = await bench.run(['stream', '-', ...stores], { ...options, stdin: definition })
  assert.equal(result.status, 0, result.stderr)
  assert.match(result.stderr, /^Generating the nix database\.\.\.$/m)
  assert.match(result.stderr, /^warning \(NIX_DATABASE_OF_ONE_LAYER\): only the database of the deepest Nix layer/m)
  assert.deepEqual(bench.leftovers(), [])
  return result.stdout
}

/** The layer that is not made of store paths. */
function topLayer(archive: Buffer): TarListing {
  const outer = listTar(archive)
  const [image] = JSON.parse(memberNamed(outer, 'manifest.json').body.toString()) as { Layers: string[] }[]
  return listTar(memberNamed(outer, image?.Layers.at(-1) ?? '').body)
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

for (const name of ['buildImageWithNixDb', 'buildLayeredImageWithNixDb'] as const) {
  test(
    `a real Nix lists, verifies and keeps what an image by ${name} holds`,
    needs('nix', 'nix-store', 'tar'),
    async () => {
      await using bench = await makeNixBench()
      const archive = await build(bench, name, { [FUNCTIONS[name]]: [TOOL, './local'] })
      writeFileSync(join(bench.path, 'image.tar'), archive)
      const exported = await bench.run(['export', 'image.tar', '-o', 'root.tar'])
      assert.equal(exported.status, 0, exported.stderr)
      const root = join(bench.path, 'root')
      mkdirSync(root)
      execFileSync('tar', ['-xf', join(bench.path, 'root.tar'), '-C', root, '--no-same-owner'])
      const nix = (program: string, ...args: string[]): string =>
        execFileSync(program, ['--store', root, ...args], {
          env: nixEnvironment(join(bench.path, 'nix')),
          stdio: ['ignore', 'pipe', 'pipe'],
        }).toString()
      nix('nix-store', '--verify', '--check-contents')
      const infos = JSON.parse(nix('nix', 'path-info', '--all', '--json')) as readonly {
        readonly path: string
        readonly references: readonly string[]
        readonly registrationTime: number
      }[]
      const [local] = infos.filter(({ path }) => path.endsWith('-local'))
      assert.deepEqual(
        new Map(infos.map(({ path, references }) => [path, references])),
        new Map([
          [LIBRARY, []],
          [TOOL, [LIBRARY, TOOL]],
          [local?.path ?? '', []],
        ]),
      )
      assert.deepEqual(new Set(infos.map(({ registrationTime }) => registrationTime)), new Set([315_532_800]))
      assert.equal(nix('nix-store', '--gc', '--print-dead'), '')
      chmodSync(join(root, 'nix/store'), 0o755)
      execFileSync('chmod', ['-R', 'u+w', root])
    },
  )

  test(`${name}: extraCommands find the database, and variables with which Nix works on it`, async () => {
    await using bench = await makeNixBench()
    const extraCommands = `
      [ "$NIX_REMOTE" = "local?root=$PWD" ]
      [ "$USER" = nobody ]
      [ "$(stat -c '%a %s' ${STATE}/db/reserved)" = '600 8388608' ]
      ln -sfn /nix/var/nix/profiles ${STATE}/gcroots/profiles
      cat ${STATE}/db/schema > seen`
    const layer = topLayer(await build(bench, name, { [FUNCTIONS[name]]: TOOL, extraCommands }))
    assert.equal(memberNamed(layer, './seen').body.toString(), '10')
    assert.equal(memberNamed(layer, `./${STATE}/gcroots/profiles`).row.link, '/nix/var/nix/profiles')
  })

  test(`${name}: the image does not depend on the umask or on where things come from`, async () => {
    await using bench = await makeNixBench()
    const args = { [FUNCTIONS[name]]: [TOOL, TOOL, EXTRA] }
    const usual = await build(bench, name, args)
    assert.equal(sha256(await build(bench, name, args, { umask: '077' })), sha256(usual))
    const copied = await bench.run(['store', 'copy', '--from', bench.cache, '--no-check-signatures', TOOL, EXTRA])
    assert.equal(copied.status, 0, copied.stderr)
    const local = { ...bench, cache: 'local' }
    assert.equal(sha256(await build(local, name, args)), sha256(usual))
  })

  test(`${name}: root and an ordinary user give the same image`, needsRoot, async () => {
    await using bench = await makeNixBench()
    bench.openToAll()
    // A folder on the way that its owner may not write to, as all in a store.
    mkdirSync(join(bench.path, 'closed/nix/sub'), { recursive: true })
    const args = { [FUNCTIONS[name]]: ['./closed', TOOL] }
    const byRoot = await build(bench, name, args)
    assert.equal(sha256(await build(bench, name, args, { uid: NOBODY })), sha256(byRoot))
    if (name === 'buildImageWithNixDb') assert.equal(memberNamed(topLayer(byRoot), './nix/').row.mode, '0555')
  })
}

test(
  'with runAsRoot the database comes after it and before extraCommands',
  needs('unshare', 'nsenter', 'busybox'),
  async () => {
    await using bench = await makeNixBench()
    const args = { copyToRoot: [TOOL, './local'], keepContentsDirlinks: true }
    const plain = topLayer(await build(bench, 'buildImageWithNixDb', args))
    const runAsRoot = `[ ! -e /${STATE} ]; mkdir -p /nix/own; echo ran > /nix/own/ran; chmod 700 /nix/own`
    const extraCommands = `[ "$NIX_REMOTE $USER" = "local?root=$PWD nobody" ]; cat nix/own/ran ${STATE}/db/schema > seen`
    const layer = topLayer(await build(bench, 'buildImageWithNixDb', { ...args, runAsRoot, extraCommands }))
    const stateOf = ({ members }: TarListing): readonly object[] =>
      members.flatMap(({ row }) =>
        typeof row.name === 'string' && row.name.startsWith(`./${STATE}`) && !row.name.endsWith('gcroots/profiles')
          ? [row]
          : [],
      )
    assert.equal(stateOf(layer).length, 14)
    assert.deepEqual(stateOf(layer), stateOf(plain))
    const link = memberNamed(layer, `./${STATE}/gcroots/profiles`).row.link
    assert.equal(link, `/tmp/disk/layer/${STATE}/profiles`)
    assert.equal(memberNamed(layer, './seen').body.toString(), 'ran\n10')
    assert.equal(memberNamed(layer, './nix/own/').row.mode, '0700')
  },
)

test('with runAsRoot a database in the way is refused as well', needs('unshare', 'nsenter', 'busybox'), async () => {
  await using bench = await makeNixBench()
  const runAsRoot = `mkdir -p /${STATE}/db; echo mine > /${STATE}/db/db.sqlite`
  const args = { name: 'x', copyToRoot: './local', runAsRoot }
  const stdin = JSON.stringify({ function: 'buildImageWithNixDb', args })
  const result = await bench.run(['stream', '-', '--log-format=json'], { stdin })
  assertFailed(result, { code: 'DEFINITION_INVALID', message: /its root has "nix\/var\/nix\/db\/db\.sqlite" already$/ })
})

const CONFLICTS: Readonly<Record<string, readonly [make: (folder: string) => void, message: RegExp]>> = {
  'a database already': [
    (folder) => {
      mkdirSync(join(folder, STATE, 'db'), { recursive: true })
      writeFileSync(join(folder, STATE, 'db/db.sqlite'), 'mine')
    },
    /its root has "nix\/var\/nix\/db\/db\.sqlite" already$/,
  ],
  'a link in the place of a folder': [
    (folder) => symlinkSync('/tmp', join(folder, 'nix')),
    /its root has "nix", which should be a folder$/,
  ],
  'a file in the place of a folder': [
    (folder) => {
      mkdirSync(join(folder, 'nix'))
      writeFileSync(join(folder, 'nix/var'), '')
    },
    /its root has "nix\/var", which should be a folder$/,
  ],
}

for (const [what, [make, message]] of Object.entries(CONFLICTS)) {
  for (const [name, argument] of Object.entries(FUNCTIONS)) {
    test(`${name} of contents that have ${what} is one clear error`, async () => {
      await using bench = await makeNixBench()
      mkdirSync(join(bench.path, 'odd'))
      make(join(bench.path, 'odd'))
      // A link is copied as it is only when that is asked for.
      const dirlinks = name === 'buildImageWithNixDb' ? { keepContentsDirlinks: true } : {}
      const stdin = JSON.stringify({ function: name, args: { name: 'x', [argument]: './odd', ...dirlinks } })
      const result = await bench.run(['stream', '-', '--log-format=json'], { stdin })
      assertFailed(result, { code: 'DEFINITION_INVALID', message })
      assert.deepEqual(bench.leftovers(), [])
    })
  }
}

test('an image of nothing has a database of nothing', async () => {
  await using bench = await makeNixBench()
  const layer = topLayer(await build(bench, 'buildLayeredImageWithNixDb', {}))
  assert.equal(memberNamed(layer, `./${STATE}/db/db.sqlite`).body.length, 13 * 4096)
})
